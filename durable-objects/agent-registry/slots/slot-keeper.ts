import { chooseAgent, hasRoom } from '../../../src/domain/dispatch/routing.ts';
import type { SlotRequest, SlotState } from '../../../src/ports/agent-registry.ts';
import type { ObjectKit } from '../../kit/runtime.ts';
import type { AgentTable } from '../agents/agents-table.ts';
import type { Connections } from '../agents/connections.ts';
import type { Slot, SlotKey, SlotTable } from './slots-table.ts';

/** An offer that is not accepted by then goes back to the queue. */
const OFFER_MS = 20_000;
/** An agent that has been quiet for longer is not routed to. */
const QUIET_MS = 60_000;
/** How soon the queue is looked at again while an agent with room is quiet: a ping wakes nobody. */
const QUIET_RETRY_MS = 30_000;
/** An agent that declined an offer gets the same one again after this long, doubling each time. */
const DECLINED_FIRST_MS = 5_000;
const DECLINED_LONGEST_MS = 60_000;
const TOMBSTONES_KEPT_MS = 86_400_000;

const OFFER_DEADLINE = /^offer:(.+):(\d+)$/;
const QUEUE_DEADLINE = 'queue';
const TOMBSTONES_DEADLINE = 'tombstones';

/**
 * The rules of slots: who waits, who is offered what, what is free again. Every method runs inside a transaction and
 * decides from what is stored; frames to agents leave when it commits.
 */
export class SlotKeeper {
  readonly #kit: ObjectKit;
  readonly #slots: SlotTable;
  readonly #agents: AgentTable;
  readonly #connections: Connections;

  constructor(kit: ObjectKit, slots: SlotTable, agents: AgentTable, connections: Connections) {
    this.#kit = kit;
    this.#slots = slots;
    this.#agents = agents;
    this.#connections = connections;
  }

  state(key: SlotKey): SlotState | null {
    const slot = this.#slots.find(key);
    if (slot?.state === 'queued') return { state: 'queued', place: this.#slots.place(key) };
    if (slot) return { state: slot.state, agent_id: slot.agent_id! };
    return this.#slots.hasEnded(key) ? { state: 'ended' } : null;
  }

  reserve(request: SlotRequest): void {
    this.#slots.enqueue(request);
    this.serve();
  }

  /** The same request with another priority or requirements: a slot that no agent has accepted follows it. */
  revise(request: SlotRequest): void {
    if (this.#slots.revise(request)) this.serve();
  }

  /** The slot, whoever holds it, is no longer wanted; a request that has yet to come will find it ended. */
  end(key: SlotKey): void {
    const now = this.#now;
    const holder = this.#slots.find(key)?.agent_id ?? null;
    this.#slots.end(key, now);
    this.#kit.deadlines.clear(offerDeadline(key));
    if (this.#kit.deadlines.dueAt(TOMBSTONES_DEADLINE) === null) {
      this.#kit.deadlines.set(TOMBSTONES_DEADLINE, now + TOMBSTONES_KEPT_MS);
    }
    if (holder === null) return;
    this.#agents.setIdleSince(holder, now);
    this.serve();
  }

  /** The agent reports that the session granted it the lease: only one that the slot was offered to can have it. */
  accept(key: SlotKey, agentId: string): void {
    const slot = this.#slots.find(key);
    const wasOffered = slot?.agent_id === agentId || (slot !== undefined && agentId in slot.declined);
    if (wasOffered) this.hold(key, agentId);
  }

  /**
   * The session granted the lease to this agent. That may be one whose offer has lapsed since: the session's word
   * counts, and whoever was offered it instead is told.
   */
  hold(key: SlotKey, agentId: string): void {
    const slot = this.#slots.find(key);
    if (!slot || slot.state === 'accepted') return;
    this.#slots.hold(key, 'accepted', agentId);
    this.#kit.deadlines.clear(offerDeadline(key));
    if (slot.agent_id === null || slot.agent_id === agentId) return;
    this.tellCancelled(slot.agent_id, key);
    this.serve();
  }

  /** The agent is done with it: a lease that it held has ended; an offer that it never accepted goes back to the queue. */
  leave(key: SlotKey, agentId: string): void {
    const slot = this.#slots.find(key);
    if (slot?.agent_id !== agentId) this.serve();
    else if (slot.state === 'accepted') this.end(key);
    else this.lapse(key, agentId);
  }

  /** The agent did not answer the offer in time, or ended it before it was accepted. */
  lapse(key: SlotKey, agentId: string): void {
    if (this.#backToQueue(key, agentId)) this.serve();
  }

  /**
   * Requeues a declined offer and skips this agent for the rest of the pass. Otherwise a full agent would be offered,
   * and decline, every waiting request in turn.
   */
  decline(key: SlotKey, agentId: string): void {
    if (this.#backToQueue(key, agentId)) this.serve({ but: agentId });
  }

  /** Takes an offer back from an agent, which gets the same one again only after a pause. */
  #backToQueue(key: SlotKey, agentId: string): boolean {
    const slot = this.#slots.find(key);
    if (slot?.state !== 'offered' || slot.agent_id !== agentId) return false;
    const count = (slot.declined[agentId]?.count ?? 0) + 1;
    const pause = Math.min(DECLINED_LONGEST_MS, DECLINED_FIRST_MS * 2 ** Math.min(count - 1, 10));
    this.#slots.requeue(key, { ...slot.declined, [agentId]: { count, until: this.#now + pause } });
    this.#kit.deadlines.clear(offerDeadline(key));
    return true;
  }

  /**
   * Offers what waits to agents with room.
   * @param newcomer an agent whose hello is being accepted in this transaction
   * @param but an agent that is left out until the queue is looked at again
   */
  serve({ newcomer, but }: { newcomer?: string; but?: string } = {}): void {
    const now = this.#now;
    let lookAgainAt = Number.POSITIVE_INFINITY;
    if (this.#slots.hasQueue()) {
      const alive = this.#connections.aliveAt();
      if (newcomer !== undefined) alive.set(newcomer, now);
      const withRoom = this.#agents.withRoom().filter(({ id }) => alive.has(id));
      const awake = withRoom.filter(({ id }) => now - alive.get(id)! <= QUIET_MS);
      if (awake.length < withRoom.length) lookAgainAt = now + QUIET_RETRY_MS;
      const routable = awake.filter(({ id }) => id !== but);
      if (routable.length < awake.length) lookAgainAt = Math.min(lookAgainAt, now + DECLINED_FIRST_MS);
      for (const slot of routable.length > 0 ? this.#slots.queue() : []) {
        if (!routable.some(hasRoom)) break;
        const willing = routable.filter(({ id }) => (slot.declined[id]?.until ?? 0) <= now);
        const agent = chooseAgent(slot.requirements, willing);
        if (agent) {
          this.#offer(slot, agent.id);
          agent.slots_used++;
        } else {
          const pauses = Object.values(slot.declined).filter(({ until }) => until > now);
          lookAgainAt = Math.min(lookAgainAt, ...pauses.map(({ until }) => until));
        }
      }
    }
    if (lookAgainAt === Number.POSITIVE_INFINITY) this.#kit.deadlines.clear(QUEUE_DEADLINE);
    else this.#kit.deadlines.set(QUEUE_DEADLINE, lookAgainAt);
  }

  /** Tells an agent that an offer or lease is no longer wanted. */
  tellCancelled(agentId: string, { task_id, epoch }: SlotKey): void {
    this.#kit.store.afterCommit(() => this.#connections.send(agentId, { type: 'cancel', task_id, epoch }));
  }

  /** Sends an offer that stands, with the time that it has left. */
  sendOffer({ task_id, epoch, session_id, agent_id }: Slot): void {
    const dueAt = this.#kit.deadlines.dueAt(offerDeadline({ task_id, epoch }));
    if (agent_id === null || dueAt === null) return;
    const expires_in_ms = Math.max(0, dueAt - this.#now);
    this.#connections.send(agent_id, { type: 'offer', task_id, epoch, session_id, expires_in_ms });
  }

  /** Handles a deadline of this keeper; false when it is someone else's. */
  handle(name: string): boolean {
    const offer = OFFER_DEADLINE.exec(name);
    if (offer) {
      const key = { task_id: offer[1]!, epoch: Number(offer[2]) };
      const holder = this.#slots.find(key)?.agent_id;
      if (holder) this.lapse(key, holder);
    } else if (name === QUEUE_DEADLINE) this.serve();
    else if (name === TOMBSTONES_DEADLINE) this.#purge();
    else return false;
    return true;
  }

  /** The deadline is stored with the offer, before anything is sent: a lost frame costs 20 s, not the request. */
  #offer(slot: Slot, agentId: string): void {
    this.#slots.hold(slot, 'offered', agentId);
    this.#kit.deadlines.set(offerDeadline(slot), this.#now + OFFER_MS);
    this.#kit.store.afterCommit(() => this.sendOffer({ ...slot, agent_id: agentId }));
  }

  #purge(): void {
    const oldest = this.#slots.purgeEnded(this.#now - TOMBSTONES_KEPT_MS);
    if (oldest !== null) this.#kit.deadlines.set(TOMBSTONES_DEADLINE, oldest + TOMBSTONES_KEPT_MS);
  }

  get #now(): number {
    return this.#kit.store.platform.now();
  }
}

function offerDeadline({ task_id, epoch }: SlotKey): string {
  return `offer:${task_id}:${epoch}`;
}
