import { instanceWithoutSocket } from '../../../src/domain/lease/report.ts';
import type { Call } from '../../../src/ports/calls.ts';
import { offerTurnAt, type WorkOffer } from '../../../src/ports/work-claims.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import type { Principal } from '../../../src/protocol/workspace/token.ts';
import type { Calls } from '../../kit/calls/calls.ts';
import { proofOf } from '../../kit/crypto/offer-proof.ts';
import type { SocketOpening } from '../../kit/platform/sockets.ts';
import { HEARD_STORED_MS, INSTANCE_FRESH_MS, NO_SUCH_AGENT } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { Agent } from './agent-rows.ts';
import { agentTag, type Connection, newConnection } from './connections.ts';

const CONNECTED = refuse(
  'agent_connected',
  'The agent has a control socket, on which it gets its offers. Close it, and try again in a minute.',
);

/**
 * Agents without sockets (`WorkClaimsApi`). While such an agent waits for work, the Worker holds a control socket in its
 * place, so that it is offered work like any other. A frame on it says no more than that an offer may be there.
 */
export class Polls {
  readonly #parts: RegistryParts;
  readonly #calls: Calls;

  constructor(parts: RegistryParts, calls: Calls) {
    this.#parts = parts;
    this.#calls = calls;
  }

  claim(call: Call, agentId: string, max: number): Outcome<WorkOffer[]> {
    return this.#answer('claim', call, agentId, (agent) => {
      if (this.#isConnected(agentId)) return CONNECTED;
      this.#heard(agent);
      const { kit, keeper, slots } = this.#parts;
      if (this.#offers(call, agent).length === 0 && slots.hasQueue()) {
        const newcomer = { agent_id: agentId, instance_id: instanceWithoutSocket(agentId), max };
        kit.store.transact(() => keeper.match({ newcomer }));
      }
      return ok(this.#offers(call, agent).slice(0, max));
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
        for (const other of connections.polling(agent.id)) {
          if (other.socket.id !== socket.id) connections.close(other, 1000, 'replaced');
        }
        // Work may have come since the claim.
        if (slots.hasQueue()) kit.store.transact(() => keeper.match());
        for (const slot of slots.heldBy(agent.id)) if (slot.state === 'offered') keeper.sendOffer(slot);
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

  /** The open offers of an agent, with their proofs. Those that it was given before and has not used come again. */
  #offers({ principal }: Call, { id, name, repository }: Agent): WorkOffer[] {
    const offeree = {
      agent_id: id,
      agent_name: name,
      instance_id: instanceWithoutSocket(id),
      repository,
      token_id: principal.token_id,
    };
    return this.#parts.slots.heldBy(id).flatMap(({ state, task_id, epoch, session_id, offered_until, proof_key }) => {
      if (state !== 'offered' || offered_until === null) return [];
      const proof = proofOf(proof_key, offeree);
      return [{ task_id, epoch, session_id, agent_name: name, repository, offered_until, proof }];
    });
  }

  /** Whether a process of the agent has a control socket of its own. */
  #isConnected(agentId: string): boolean {
    const isOwn = ({ attachment, aliveAt }: Connection) =>
      attachment.max === undefined && this.#now - aliveAt < INSTANCE_FRESH_MS;
    return this.#parts.connections.welcomed(agentId).some(isOwn);
  }

  /** Remembers in memory that the agent is alive. It is stored so seldom that a heartbeat writes nothing. */
  #heard({ id, last_seen_at }: Agent): void {
    const { agents, connections, kit } = this.#parts;
    connections.heard(id, this.#now);
    if (this.#now - last_seen_at < HEARD_STORED_MS) return;
    kit.store.transact(() => agents.setLastSeen(id, this.#now));
  }

  get #now(): number {
    return this.#parts.kit.store.platform.now();
  }
}
