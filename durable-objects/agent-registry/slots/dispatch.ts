import type { FleetAgent } from '../../../src/domain/dispatch/agent-index.ts';
import { Dispatcher, type Match } from '../../../src/domain/dispatch/dispatcher.ts';
import type { QueuedRequest } from '../../../src/domain/dispatch/queue-index.ts';
import { turnInQueue } from '../../../src/domain/dispatch/queue-order.ts';
import type { SessionId } from '../../../src/protocol/common/ids.ts';
import type { Transaction } from '../../kit/storage/store.ts';
import type { Agent } from '../agents/agent-rows.ts';
import type { Connected } from '../agents/connections.ts';
import { DISPATCH } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { SlotKey } from './slots-table.ts';

type Needs = Pick<RegistryParts, 'kit' | 'slots' | 'agents' | 'connections' | 'changed'>;

/** Changes to the set of agents that take part in a match. */
export interface Participants {
  /** An agent whose hello is accepted in this transaction. It takes part, although its socket is not welcomed yet. */
  newcomer?: Omit<Connected, 'seen_at'> & { agent_id: string };
  /** An agent that gets no offer in this match. */
  skip?: string;
}

/** The last place in the order of arrival, for a request that is not stored yet. */
const LAST = Number.POSITIVE_INFINITY;

/**
 * The dispatcher in memory, which follows the rows and the sockets. It is built at the first use in the life of the
 * object in memory, and again after a failed transaction that has used it. Whatever writes an agent's row, its slots or
 * its sockets adds the agent to `changed`; it is read again before the next use.
 */
export class Dispatch {
  readonly #parts: Needs;
  #dispatcher: Dispatcher | null = null;
  /** The rows from which the dispatcher's agents were made, by their ids. */
  readonly #rows = new Map<string, Agent>();
  /** The last transaction that has used the dispatcher. */
  #usedBy: Transaction | null = null;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** The dispatcher as of now. */
  current(): Dispatcher {
    const dispatcher = this.#known() ?? this.#build();
    this.#dispatcher = dispatcher;
    const { changed, agents, connections } = this.#parts;
    const stored = new Map(agents.some([...changed]).map((agent) => [agent.id, agent]));
    for (const id of changed) {
      const agent = stored.get(id);
      if (agent) {
        this.#rows.set(id, agent);
        dispatcher.agents.put(fleetAgent(agent, connections.connectedAs(id)), this.#now);
      } else {
        this.#rows.delete(id);
        dispatcher.agents.remove(id);
      }
    }
    changed.clear();
    return dispatcher;
  }

  /** All registered agents as of now, with when each was last heard (ms since the epoch). No row is read again. */
  registered(): (Agent & { heard_at: number | null })[] {
    const { agents } = this.current();
    return [...this.#rows.values()].map((row) => {
      const agent = agents.get(row.id)!;
      // A ping tells nobody, so this asks the socket of an agent that seems silent.
      if (agent.connection) agents.isAwake(agent, this.#now);
      const heard_at = agent.connection?.seen_at ?? this.#parts.connections.heardWithoutSocket(row.id);
      return { ...row, slots_used: agent.slots_used, heard_at };
    });
  }

  /** Takes the requests that are offered out of the queue. */
  match({ newcomer, skip }: Participants = {}): Match {
    const dispatcher = this.#used(this.current());
    const { changed } = this.#parts;
    const agent = newcomer && this.#parts.agents.find(newcomer.agent_id);
    if (newcomer && agent) {
      dispatcher.agents.put(fleetAgent(agent, { ...newcomer, seen_at: this.#now }), this.#now);
      // It is welcomed after the commit, or has no socket.
      changed.add(agent.id);
    }
    const match = dispatcher.match(skip ?? null, this.#now);
    // What an agent without sockets has got does not lessen what it wants at once.
    for (const { agent_id } of match.offers) if (dispatcher.agents.get(agent_id)?.limited) changed.add(agent_id);
    return match;
  }

  /** Adds a request that has no place in the order of arrival, because it is not stored yet. */
  add(request: Omit<QueuedRequest, 'arrival'>): QueuedRequest {
    const queued: QueuedRequest = { ...request, arrival: LAST };
    this.#used(this.current()).queue.put(queued, this.#now);
    return queued;
  }

  /** Reads a queued request again, which has changed or has returned to the queue. */
  read(key: SlotKey): void {
    const dispatcher = this.#known();
    if (!dispatcher) return;
    const request = this.#parts.slots.queued(key);
    if (request) this.#used(dispatcher).queue.put(request, this.#now);
    else this.#used(dispatcher).queue.remove(key);
  }

  remove(key: SlotKey): void {
    const dispatcher = this.#known();
    if (dispatcher) this.#used(dispatcher).queue.remove(key);
  }

  /** Takes a queued request out of the queue, because it is given out. @returns the next one of its line if it joins now */
  take(key: SlotKey): QueuedRequest | null {
    const { queue } = this.#used(this.current());
    const request = queue.find(key)?.request;
    return request ? queue.takeOut(request, this.#now) : null;
  }

  /** Where the first request of another session stands that an agent can take (ms since the epoch); null without one. */
  firstWaitingFor(agentId: string, session: SessionId): number | null {
    const { agents } = this.current();
    const turns = agents.groupsOf(agentId).flatMap(({ requests }) => {
      // Each session has only the first one of its line among them.
      const other = requests.first?.session_id === session ? requests.at(1) : requests.first;
      return other ? [turnInQueue(other)] : [];
    });
    return turns.length === 0 ? null : Math.min(...turns);
  }

  /** The place of a queued request, from 1; 0 if it is not in the queue. */
  place(key: SlotKey): number {
    const { queue } = this.current();
    const request = queue.find(key)?.request;
    return request ? queue.place(request) : 0;
  }

  /** The dispatcher if it was built and no failed transaction has changed it. */
  #known(): Dispatcher | null {
    if (this.#usedBy?.outcome === 'failed') {
      this.#dispatcher = null;
      this.#usedBy = null;
    }
    return this.#dispatcher;
  }

  /** Must run inside a transaction. */
  #used(dispatcher: Dispatcher): Dispatcher {
    this.#usedBy = this.#parts.kit.store.currentTransaction;
    return dispatcher;
  }

  #build(): Dispatcher {
    const { slots, agents, connections, changed } = this.#parts;
    const dispatcher = new Dispatcher(DISPATCH, (id) => {
      const connected = connections.connectedAs(id);
      // Its socket has gone without a close event.
      if (connected === null) changed.add(id);
      return connected?.seen_at ?? null;
    });
    changed.clear();
    // First the queue, because it says what the agents differ in.
    for (const request of slots.queue()) dispatcher.queue.put(request, this.#now);
    const connected = connections.connected();
    this.#rows.clear();
    for (const agent of agents.all()) {
      this.#rows.set(agent.id, agent);
      dispatcher.agents.put(fleetAgent(agent, connected.get(agent.id) ?? null), this.#now);
    }
    return dispatcher;
  }

  get #now(): number {
    return this.#parts.kit.store.platform.now();
  }
}

function fleetAgent(agent: Agent, connected: Connected | null): FleetAgent {
  const { id, name, agent_type, slots_used, tier, duration_ms, repository, idle_since } = agent;
  const { instance_id, seen_at, max } = connected ?? {};
  return {
    ...{ id, name, agent_type, slots_used, tier, duration_ms, repository, idle_since },
    capabilities: agent.capabilities,
    labels: agent.labels,
    preferred_technologies: agent.preferred_technologies,
    remotes: agent.remotes,
    capacity: max === undefined ? agent.capacity : Math.min(agent.capacity, slots_used + max),
    limited: max !== undefined,
    connection: instance_id === undefined || seen_at === undefined ? null : { instance_id, seen_at },
    draining: agent.drain !== null,
    open_until: agent.breaker?.open_until ?? null,
  };
}
