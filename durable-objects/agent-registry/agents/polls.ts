import { BoundedMap } from '../../../src/domain/bounded-map.ts';
import { instanceWithoutSocket } from '../../../src/domain/lease/report.ts';
import type { Call } from '../../../src/ports/calls.ts';
import { offerTurnAt, type WorkOffer } from '../../../src/ports/work-claims.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { MAX_AGENT_CAPACITY } from '../../../src/protocol/common/limits.ts';
import type { Principal } from '../../../src/protocol/workspace/token.ts';
import type { Calls } from '../../kit/calls/calls.ts';
import { proofOf } from '../../kit/crypto/offer-proof.ts';
import type { SocketOpening } from '../../kit/platform/sockets.ts';
import { FEW_AGENTS, INSTANCE_FRESH_MS, NO_SUCH_AGENT, POLLED_STORED_MS } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { Slot, SlotKey } from '../slots/slots-table.ts';
import type { Agent } from './agent-rows.ts';
import { agentTag, type Connection, newConnection } from './connections.ts';

const CONNECTED = refuse(
  'agent_connected',
  'The agent has a control socket, on which it gets its offers. Close it, and try again in a minute.',
);

/** An offer that an agent has got and not used comes again after this time. */
const GIVEN_AGAIN_MS = 10_000;
/** The offers of which this is known. Each agent has at most as many as its capacity. */
const MAX_GIVEN = 100_000;
/** The waits of one agent at a time, besides the newest one. */
const MAX_OTHER_POLLS = MAX_AGENT_CAPACITY - 1;
const NORMAL_CLOSURE = 1000;

/**
 * Agents without sockets (`WorkClaimsApi`). While such an agent waits for work, the Worker holds a control socket in its
 * place, so that it is offered work like any other. A frame on it says no more than that an offer may be there.
 */
export class Polls {
  readonly #parts: RegistryParts;
  readonly #calls: Calls;
  /**
   * When an offer was last given to its agent (ms since the epoch). An agent that claims twice at once gets each offer
   * once, and one that has never seen the answer gets it again soon.
   */
  readonly #given = new BoundedMap<string, number>(MAX_GIVEN);

  constructor(parts: RegistryParts, calls: Calls) {
    this.#parts = parts;
    this.#calls = calls;
  }

  claim(call: Call, agentId: string, max: number): Outcome<WorkOffer[]> {
    return this.#answer('claim', call, agentId, (agent) => {
      if (this.#isConnected(agentId)) return CONNECTED;
      this.#heard(agent);
      const { kit, keeper, slots } = this.#parts;
      const wanted = max - this.#open(agentId).length;
      if (wanted > 0 && slots.hasQueue()) {
        const newcomer = { agent_id: agentId, instance_id: instanceWithoutSocket(agentId), max: wanted };
        kit.store.transact(() => keeper.match({ newcomer }));
      }
      const given = this.#open(agentId).slice(0, max);
      for (const slot of given) this.#given.set(nameOf(slot), this.#now);
      return ok(given.map((slot) => this.#offerOf(slot, agent, call)));
    });
  }

  heartbeat(call: Call, agentId: string): Outcome<null> {
    return this.#answer('heartbeat', call, agentId, (agent) => {
      this.#heard(agent);
      return ok(null);
    });
  }

  /** Opens the socket on which the Worker waits for an agent; null if the URL is no such socket's. */
  open(url: URL, principal: Principal): SocketOpening | null {
    const { agents, connections, kit, keeper, slots } = this.#parts;
    const turn = offerTurnAt(url);
    const agent = turn && kit.store.created ? agents.find(turn.agent_id) : undefined;
    if (!turn || !agent || principal.agent?.id !== agent.id) return null;
    return {
      tags: [agentTag(agent.id)],
      attachment: {
        ...newConnection(agent.id, principal, this.#now),
        instance_id: instanceWithoutSocket(agent.id),
        agent_name: agent.name,
        repository: agent.repository,
        max: turn.max,
      },
      opened: (socket) => {
        connections.touch(agent.id);
        const polls = connections.polling(agent.id).filter((other) => other.socket.id !== socket.id);
        for (const poll of polls.slice(0, -MAX_OTHER_POLLS)) connections.close(poll, NORMAL_CLOSURE, 'too many waits');
        // Work may have come since the claim.
        if (slots.hasQueue()) kit.store.transact(() => keeper.match());
        for (const slot of this.#open(agent.id)) keeper.sendOffer(slot);
      },
    };
  }

  #answer<T>(method: string, call: Call, agentId: string, body: (agent: Agent) => Outcome<T>): Outcome<T> {
    return this.#calls.read(method, call, () => {
      const { agents, kit } = this.#parts;
      const agent = kit.store.created ? agents.find(agentId) : undefined;
      // A token of an agent that was registered again is known elsewhere for some seconds.
      const isTheirs = agent && agents.isOwnToken(agentId, call.principal.token_id);
      return isTheirs ? body(agent) : NO_SUCH_AGENT;
    });
  }

  /** The offers that an agent has not used, and that were not given to it in the last seconds. */
  #open(agentId: string): Slot[] {
    const isGiven = (slot: Slot) => this.#now - (this.#given.get(nameOf(slot)) ?? 0) < GIVEN_AGAIN_MS;
    return this.#parts.slots.heldBy(agentId).filter((slot) => slot.state === 'offered' && !isGiven(slot));
  }

  #offerOf(slot: Slot, { id, name, repository }: Agent, { principal }: Call): WorkOffer {
    const { task_id, epoch, session_id, proof_key } = slot;
    const proof = proofOf(proof_key, {
      agent_id: id,
      agent_name: name,
      instance_id: instanceWithoutSocket(id),
      repository,
      token_id: principal.token_id,
    });
    return { task_id, epoch, session_id, agent_name: name, repository, offered_until: slot.offered_until!, proof };
  }

  /** Whether a process of the agent has a control socket of its own. */
  #isConnected(agentId: string): boolean {
    const isOwn = ({ attachment, aliveAt }: Connection) =>
      attachment.max === undefined && this.#now - aliveAt < INSTANCE_FRESH_MS;
    return this.#parts.connections.welcomed(agentId).some(isOwn);
  }

  /** Remembers that the agent is alive. In a large fleet, this hardly ever writes. */
  #heard({ id, polled_at }: Agent): void {
    const { agents, connections, kit } = this.#parts;
    connections.heard(id, this.#now);
    const mayAge = connections.heardCount > FEW_AGENTS ? POLLED_STORED_MS.many : POLLED_STORED_MS.few;
    if (this.#now - (polled_at ?? 0) < mayAge) return;
    kit.store.transact(() => agents.setPolled(id, this.#now));
  }

  get #now(): number {
    return this.#parts.kit.store.platform.now();
  }
}

function nameOf({ task_id, epoch }: SlotKey): string {
  return `${task_id}:${epoch}`;
}
