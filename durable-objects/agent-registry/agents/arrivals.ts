import { meets } from '../../../src/domain/dispatch/routing.ts';
import type { AgentHello } from '../../../src/protocol/agent/control-socket.ts';
import { MAX_AGENTS, MAX_AGENTS_OF_TOKEN } from '../../../src/protocol/common/limits.ts';
import { sha256 } from '../../kit/crypto/sha256.ts';
import { DEADLINE, INSTANCE_FRESH_MS, REVIEW_MS } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { Slot, SlotKey } from '../slots/slots-table.ts';
import type { Connection } from './connections.ts';
import { REMOVED } from './membership.ts';
import type { Owner } from './owner.ts';

/** RFC 6455 §7.4.1 and its registry: the agent connects again, with growing pauses. */
const TRY_AGAIN_LATER = 1013;
const TOO_MANY_AGENTS = `at most ${MAX_AGENTS} agents are registered, and ${MAX_AGENTS_OF_TOKEN} with one token`;

/** Agents that connect: judges their hello, and welcomes them with what they may have missed. */
export class Arrivals {
  readonly #parts: RegistryParts;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** Accepts an agent's hello. The hello of a known and unchanged agent writes nothing. */
  hello(connection: Connection, hello: AgentHello): void {
    const { kit, agents, connections, slots, keeper, membership } = this.#parts;
    const { agent_id, token_id, acts } = connection.attachment;
    const secret_hash = hello.secret === undefined ? null : sha256(hello.secret);
    const owner: Owner = { acts: acts ?? false, token_id, secret_hash };
    const { created } = kit.store;
    const registration = created ? agents.compare(agent_id, hello, owner) : 'new';
    if (registration === 'new' && owner.acts) return connections.supersede(connection, REMOVED, true);
    if (registration === 'foreign') {
      kit.store.platform.logger('warn', 'agent_refused', { agent_id, token_id });
      return connections.supersede(connection, 'this agent id belongs to another agent');
    }
    if (registration === 'new' && created && !kit.store.transact(() => membership.makeRoom(token_id))) {
      return connections.close(connection, TRY_AGAIN_LATER, TOO_MANY_AGENTS);
    }
    const others = connections.welcomed(agent_id).filter(({ socket }) => socket.id !== connection.socket.id);
    if (others.some((other) => this.#isRival(other, hello))) {
      return connections.supersede(connection, 'another instance of this agent is connected and alive');
    }
    const held = created ? slots.heldBy(agent_id) : [];
    const isNamed = (slot: SlotKey) => hello.leases.some(isSame(slot));
    const open = held.filter((slot) => slot.state === 'offered' && !isNamed(slot));
    // The agent has started again elsewhere, or with other labels.
    const tier = (created && agents.find(agent_id)?.tier) || 'competent';
    const isUnfit = (slot: SlotKey) => !meets({ ...hello, tier }, slots.requirementsOf(slot));
    const unfit = registration === 'changed' ? open.filter(isUnfit) : [];
    const offered = open.filter((slot) => !unfit.includes(slot));
    // What was passed on to this process, it may not know yet.
    const isPassed = (slot: Slot) => slot.passed_to === hello.instance_id;
    const abandoned = held.filter((slot) => slot.state === 'accepted' && !isNamed(slot) && !isPassed(slot));
    // The session has granted these leases, but the agent's `accepted` never arrived.
    const granted = created ? hello.leases.filter((lease) => this.#isOpen(lease)) : [];
    const welcome = () => this.#welcome(connection, hello, others, offered);
    if (registration === 'same' && abandoned.length === 0 && granted.length === 0 && !slots.hasQueue())
      return welcome();
    kit.store.create(() => {
      const now = kit.store.platform.now();
      if (registration === 'renewed') agents.setOwner(agent_id, owner);
      else if (registration !== 'same') {
        agents.enrol(agent_id, hello, owner, now);
        kit.deadlines.setIfUnset(DEADLINE.review, now + REVIEW_MS);
      }
      kit.store.afterCommit(welcome);
      keeper.reconcile({ agent_id, instance_id: hello.instance_id }, { abandoned, granted, unfit });
    });
  }

  #isOpen(key: SlotKey): boolean {
    const state = this.#parts.slots.find(key)?.state;
    return state === 'queued' || state === 'offered';
  }

  /** Whether another instance of the agent is alive. */
  #isRival({ attachment, aliveAt }: Connection, hello: AgentHello): boolean {
    const now = this.#parts.kit.store.platform.now();
    return attachment.instance_id !== hello.instance_id && now - aliveAt < INSTANCE_FRESH_MS;
  }

  /** Welcomes the agent, and repeats what it may have missed: open offers, and the end of its leases. */
  #welcome(connection: Connection, hello: AgentHello, others: Connection[], offered: Slot[]): void {
    const { kit, connections, slots, keeper } = this.#parts;
    const { agent_id } = connection.attachment;
    for (const other of others) {
      if (other.attachment.instance_id === hello.instance_id) connections.close(other, 1000, 'replaced');
      else connections.supersede(other, 'another instance of this agent has taken over');
    }
    const { instance_id, name, repository } = hello;
    connections.update(connection, {
      instance_id,
      agent_name: name,
      repository,
      seen_at: kit.store.platform.now(),
    });
    connections.send(agent_id, { type: 'welcome', agent_id });
    for (const slot of offered) keeper.sendOffer(slot);
    for (const lease of hello.leases) {
      if (slots.find(lease)?.state === 'ended') keeper.sendCancel(agent_id, lease);
    }
    kit.store.platform.logger('info', 'agent_hello', { agent_id, name, instance_id });
  }
}

function isSame(key: SlotKey): (other: SlotKey) => boolean {
  return ({ task_id, epoch }) => task_id === key.task_id && epoch === key.epoch;
}
