import { wasDownAt } from '../../../src/domain/lease/liveness.ts';
import { repositoryKey } from '../../../src/domain/repository-url.ts';
import type { Registration } from '../../../src/ports/agent-registry.ts';
import type {
  DeregisterAgentRequest,
  DrainAgentRequest,
  RegisterAgentRequest,
  UpdateAgentRequest,
} from '../../../src/protocol/agent/agent.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { MAX_AGENTS, MAX_AGENTS_OF_TOKEN } from '../../../src/protocol/common/limits.ts';
import { sha256 } from '../../kit/crypto/sha256.ts';
import { AGENT_KEPT_MS, DEADLINE, NO_SUCH_AGENT, REVIEW_MS } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { Enrolment } from './agent-rows.ts';
import type { AgentsTable } from './agents-table.ts';
import type { Connection } from './connections.ts';
import type { StoredOwner } from './owner.ts';

type Needs = Omit<RegistryParts, 'membership' | 'performance'>;

/** The time in which agents return after a downtime of the registry. */
const AFTER_DOWNTIME_MS = 60_000;

const LEAVING = refuse('agent_leaving', 'The agent is leaving. Wait until it is removed, and register it again.');
/** Why the connections of a removed agent end. */
export const REMOVED = 'this agent was removed';
/** The names of the token by which an agent is registered, and of its own. */
export interface RegistrationTokens {
  /** The token of the request; null if it cannot end. */
  by: string | null;
  own: string;
}

/** Who belongs to the fleet: agents register, change, drain and leave. Each method must run inside a transaction. */
export class Membership {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Registers an agent with its own token. An agent that sends the secret with which it was registered gets a new token
   * for the same id.
   */
  register(proposedId: string, request: RegisterAgentRequest, { by, own }: RegistrationTokens): Outcome<Registration> {
    const { kit, agents, connections } = this.#parts;
    const secret_hash = request.secret === undefined ? null : sha256(request.secret);
    const isAnother = (taken: ReturnType<AgentsTable['named']>) =>
      taken !== undefined && (secret_hash === null || taken.owner.secret_hash !== secret_hash);
    const named = agents.named(request.name);
    if (isAnother(named)) {
      return refuse(
        'name_taken',
        `There is an agent with the name ${request.name}. Choose another name, or send its secret.`,
      );
    }
    const taken = named ?? agents.identified(proposedId);
    if (isAnother(taken)) return refuse('name_taken', 'There is an agent with this id, and the secret is not its own.');
    if (taken && agents.find(taken.id)?.drain?.leaves) return LEAVING;
    if (!taken && !this.makeRoom(by)) {
      return refuse(
        'limit_reached',
        `A workspace has at most ${MAX_AGENTS} agents, and ${MAX_AGENTS_OF_TOKEN} registered by one token. Remove agents that are not needed.`,
      );
    }
    const id = taken?.id ?? proposedId;
    const owner: StoredOwner = { token_id: by, secret_hash, own_token_id: own };
    agents.register(id, enrolmentOf(request), owner, kit.store.platform.now());
    if (taken) this.#endSockets(id, (connection) => connections.supersede(connection, 'the agent has a new token'));
    kit.deadlines.setIfUnset(DEADLINE.review, kit.store.platform.now() + REVIEW_MS);
    return ok({ agent_id: id, token_id: own });
  }

  update(id: string, { max_concurrent_capacity, ...changes }: UpdateAgentRequest): Outcome<null> {
    const { agents, keeper } = this.#parts;
    if (!agents.find(id)) return NO_SUCH_AGENT;
    agents.update(id, { ...changes, capacity: max_concurrent_capacity });
    keeper.withdrawExcess(id);
    keeper.match();
    return ok(null);
  }

  /** Gives the agent no new work, and lets it finish what it has until a deadline. */
  drain(id: string, { reason, timeout_seconds, force = false }: Drainage, leaves = false): Outcome<null> {
    const { kit, agents, slots, keeper } = this.#parts;
    const agent = agents.find(id);
    if (!agent) return NO_SUCH_AGENT;
    const now = kit.store.platform.now();
    const isLeaving = leaves || (agent.drain?.leaves ?? false);
    const until = force ? now : now + timeout_seconds * 1_000;
    agents.setDrain(id, { until, leaves: isLeaving, reason: reason ?? null });
    for (const slot of slots.heldBy(id)) {
      if (slot.state !== 'offered') continue;
      // The session may have granted the lease, and the agent's `accepted` may never arrive.
      if (isLeaving) keeper.evict(slot, 'agent_drained');
      else keeper.withdrawOffer(slot);
    }
    keeper.match();
    this.settleDrains();
    return ok(null);
  }

  resume(id: string): Outcome<null> {
    const { agents, keeper } = this.#parts;
    const agent = agents.find(id);
    if (!agent) return NO_SUCH_AGENT;
    if (agent.drain?.leaves) return LEAVING;
    agents.setDrain(id, null);
    keeper.match();
    return ok(null);
  }

  /**
   * Takes the leases of agents whose drain is over, removes the agents that leave and have none, and sets the next
   * deadline.
   */
  settleDrains(lateMs = 0): void {
    const { kit, agents, slots, keeper } = this.#parts;
    const now = kit.store.platform.now();
    // The agents could report nothing meanwhile.
    if (wasDownAt(lateMs)) return kit.deadlines.set(DEADLINE.drains, now + AFTER_DOWNTIME_MS);
    const waiting: number[] = [];
    for (const { id, drain } of agents.draining()) {
      const held = slots.heldBy(id);
      if (held.length > 0 && drain!.until <= now) for (const slot of held) keeper.evict(slot, 'agent_drained');
      else if (held.length > 0) waiting.push(drain!.until);
      if (drain!.leaves && slots.heldBy(id).length === 0) this.#remove(id);
    }
    if (waiting.length > 0) kit.deadlines.set(DEADLINE.drains, Math.min(...waiting));
  }

  /** Makes room for a new agent: an agent that is not connected and has no slot is forgotten before its time. */
  makeRoom(tokenId: string | null): boolean {
    const { agents, connections } = this.#parts;
    const { all, of_token } = agents.count(tokenId ?? '');
    const isTokenFull = of_token >= MAX_AGENTS_OF_TOKEN;
    if (!isTokenFull && all < MAX_AGENTS) return true;
    const connected = connections.connected();
    const unseenSince = this.#parts.kit.store.platform.now() - AGENT_KEPT_MS;
    const oldest = agents.idle(isTokenFull ? tokenId : null, unseenSince).find((id) => !connected.has(id));
    if (oldest === undefined) return false;
    agents.remove(oldest);
    return true;
  }

  #remove(id: string): void {
    const { kit, agents, connections } = this.#parts;
    agents.remove(id);
    connections.forget(id);
    this.#endSockets(id, (connection) => connections.supersede(connection, REMOVED, true));
    kit.store.afterCommit(() => kit.store.platform.logger('info', 'agent_removed', { agent_id: id }));
  }

  #endSockets(id: string, end: (connection: Connection) => void): void {
    const { kit, connections } = this.#parts;
    kit.store.afterCommit(() => connections.welcomed(id).forEach(end));
  }
}

type Drainage = DrainAgentRequest & Pick<Partial<DeregisterAgentRequest>, 'force'>;

function enrolmentOf({
  id: _id,
  secret: _,
  max_concurrent_capacity,
  repository_urls,
  ...profile
}: RegisterAgentRequest): Enrolment {
  const remotes = [...new Set(repository_urls.map(repositoryKey))];
  return { ...profile, capacity: max_concurrent_capacity, remotes, repository: null, version: '' };
}
