import type { Match } from '../../../src/domain/dispatch/dispatcher.ts';
import { passMs } from '../../../src/domain/dispatch/pass.ts';
import { decideSlot, type SlotEvent } from '../../../src/domain/dispatch/slot.ts';
import { wasDownAt } from '../../../src/domain/lease/liveness.ts';
import type { SlotPass, SlotRequest, SlotState } from '../../../src/ports/agent-registry.ts';
import { proofOf } from '../../kit/crypto/offer-proof.ts';
import type { Due } from '../../kit/deadlines.ts';
import type { ObjectKit } from '../../kit/runtime.ts';
import type { AgentsTable } from '../agents/agents-table.ts';
import type { Connections } from '../agents/connections.ts';
import { DEADLINE, DISPATCH, type Eviction, OFFER_MS, REVIEW_MS, SESSIONS } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { Dispatch, Participants } from './dispatch.ts';
import type { Slot, SlotKey, SlotsTable } from './slots-table.ts';

/** The process of an agent to which a slot is passed on. */
type Passed = Pick<SlotPass, 'agent_id' | 'instance_id'>;

type Needs = Pick<RegistryParts, 'kit' | 'slots' | 'agents' | 'connections' | 'changed' | 'dispatch'>;

/**
 * Applies the rules of `src/domain/dispatch` to the stored slots. Each method must run inside a transaction. Frames to
 * agents are sent after the commit.
 */
export class SlotKeeper {
  readonly #kit: ObjectKit;
  readonly #slots: SlotsTable;
  readonly #agents: AgentsTable;
  readonly #connections: Connections;
  readonly #changed: Set<string>;
  readonly #dispatch: Dispatch;

  constructor({ kit, slots, agents, connections, changed, dispatch }: Needs) {
    this.#kit = kit;
    this.#slots = slots;
    this.#agents = agents;
    this.#connections = connections;
    this.#changed = changed;
    this.#dispatch = dispatch;
  }

  /** Adds a slot. If the slot is known, updates its priority and requirements. */
  reserve(request: SlotRequest): SlotState {
    const known = this.#slots.find(request);
    if (known === undefined) this.#add(request);
    else if (known.state !== 'ended' && this.#slots.revise(request)) {
      if (known.state === 'queued') this.#dispatch.read(request);
      this.match();
    }
    const { state, agent_id } = this.#slots.find(request)!;
    if (state === 'queued') return { state, place: this.#dispatch.place(request) };
    if (state === 'ended') return { state };
    return { state, agent_id: agent_id!, ...(request.may_pass && { pass_ms: this.passMs(agent_id!, request) }) };
  }

  /** Ends a slot that the session no longer wants. If its `reserve` arrives later, the tombstone rejects it. */
  cancel(key: SlotKey): void {
    const slot = this.#slots.find(key);
    if (slot?.state === 'ended') return;
    if (slot?.agent_id) this.sendCancel(slot.agent_id, key);
    this.#end(key, slot);
  }

  /** Ends a slot whose lease has ended, so that the agent has room again. */
  release(key: SlotKey): void {
    const slot = this.#slots.find(key);
    if (slot?.state !== 'ended') this.#end(key, slot);
  }

  /**
   * Passes the slot of a lease that has ended on to the next task of its session. The agent has no room in between. If
   * the next one has ended too, the room is free.
   */
  pass({ from, request, agent_id, instance_id }: SlotPass): void {
    const left = this.#slots.find(from);
    if (left?.state !== 'ended') this.#markEnded(from, left);
    const known = this.#slots.find(request);
    if (known?.state !== 'ended') this.#passOn(request, known, { agent_id, instance_id });
    this.match();
  }

  /** For how long the slot of a lease at this agent may pass on. */
  passMs(agentId: string, request: SlotRequest): number {
    const agent = this.#agents.find(agentId);
    const isFit = agent?.drain === null && agent.breaker === null && agent.slots_used <= agent.capacity;
    // Of an agent that is not connected, the registry does not know what it can take.
    const takes_work = isFit && this.#connections.connectedAs(agentId) !== null;
    const first_waiting = takes_work ? this.#dispatch.firstWaitingFor(agentId, request.session_id) : null;
    return passMs({ takes_work, first_waiting, lag: this.#slots.greatestLag(request) }, this.#now);
  }

  #passOn(request: SlotRequest, known: Slot | undefined, { agent_id, instance_id }: Passed): void {
    if (known?.state === 'accepted' && known.agent_id === agent_id) return;
    const here = this.#connections.connectedAs(agent_id);
    // Its next process has said hello, and does not work on it.
    if (here !== null && here.instance_id !== instance_id) return this.#markEnded(request, known);
    this.#changed.add(agent_id);
    if (known?.agent_id && known.agent_id !== agent_id) {
      this.#changed.add(known.agent_id);
      this.sendCancel(known.agent_id, request);
    }
    const next = known?.state === 'queued' ? this.#dispatch.take(request) : null;
    if (next) this.#slots.join(next);
    this.#slots.passOn(request, agent_id, instance_id);
    // It gets no new work any more, which the session did not know.
    const agent = this.#agents.find(agent_id);
    if (!agent || agent.drain !== null) return this.evict(this.#slots.find(request)!, 'agent_drained');
    // If the slot of the lease before had ended already, its room may have been given away.
    this.withdrawExcess(agent_id);
  }

  /** Applies an agent's report about a slot. */
  report(key: SlotKey, event: SlotEvent): void {
    const match = this.#apply(key, this.#slots.find(key), event);
    if (match) this.match(event.type === 'declined' ? { skip: event.agent_id } : {});
  }

  /** Records who holds the lease of a slot, as its session says. An agent that was removed meanwhile may not keep it. */
  grant(key: SlotKey, agent_id: string): void {
    const slot = this.#slots.find(key);
    if (slot && slot.state !== 'ended' && !this.#agents.find(agent_id)) {
      return this.evict({ ...slot, agent_id }, 'agent_drained');
    }
    this.report(key, { type: 'granted', agent_id });
  }

  /**
   * Corrects the slots of an agent from its hello, and matches the queue.
   * @param abandoned accepted slots on which the agent no longer works
   * @param granted slots of the leases that the agent holds
   * @param unfit offered slots whose requirements the agent does not meet any more
   */
  reconcile(
    newcomer: { agent_id: string; instance_id: string },
    { abandoned, granted, unfit }: { abandoned: SlotKey[]; granted: SlotKey[]; unfit: SlotKey[] },
  ): void {
    const { agent_id } = newcomer;
    for (const key of abandoned) this.#apply(key, this.#slots.find(key), { type: 'ended', agent_id });
    for (const key of granted) this.#apply(key, this.#slots.find(key), { type: 'accepted', agent_id });
    for (const key of unfit) this.#apply(key, this.#slots.find(key), { type: 'lapsed', agent_id });
    this.withdrawExcess(agent_id);
    this.match({ newcomer });
  }

  /** Returns an offer to the queue, because its agent gets no new work. */
  withdrawOffer(slot: Slot): void {
    this.sendCancel(slot.agent_id!, slot);
    this.#apply(slot, slot, { type: 'lapsed', agent_id: slot.agent_id! });
  }

  /** Returns the newest offers to the queue for which their agent has no room any more. @returns whether there were any */
  withdrawExcess(agentId: string): boolean {
    const agent = this.#agents.find(agentId);
    const excess = agent ? agent.slots_used - agent.capacity : 0;
    if (excess <= 0) return false;
    const open = this.#slots.heldBy(agentId).filter(({ state }) => state === 'offered');
    for (const slot of open.slice(-excess)) this.withdrawOffer(slot);
    return open.length > 0;
  }

  /** Takes a slot from its agent, and tells the session, which opens the next epoch. */
  evict(slot: Slot, reason: Eviction['reason']): void {
    this.sendCancel(slot.agent_id!, slot);
    this.#markEnded(slot, slot);
    this.#tellSession(slot, reason);
  }

  /** Asks the session to let the slot go to another agent. The agent keeps it until it has let go. */
  askToMove(slot: SlotKey & Pick<Slot, 'session_id'>): void {
    this.#tellSession(slot, 'rebalanced');
  }

  #tellSession({ task_id, epoch, session_id }: SlotKey & Pick<Slot, 'session_id'>, reason: Eviction['reason']): void {
    const eviction: Eviction = { task_id, epoch, reason };
    this.#kit.outbox.put(`${SESSIONS}:${session_id}`, `${task_id}/${epoch}`, eviction);
  }

  /** Offers queued slots to agents with room. */
  match(participants: Participants = {}): void {
    if (!this.#slots.hasQueue()) return;
    this.#offer(this.#dispatch.match(participants));
  }

  /** Tells an agent that an offer or lease is no longer wanted. */
  sendCancel(agentId: string, { task_id, epoch }: SlotKey): void {
    this.#kit.store.afterCommit(() => this.#connections.send(agentId, { type: 'cancel', task_id, epoch }));
  }

  /** Sends an open offer with its remaining time. */
  sendOffer({
    task_id,
    epoch,
    session_id,
    proof_key,
    agent_id,
    offered_until,
  }: Omit<Slot, 'state' | 'declined' | 'passed_to'>): void {
    if (agent_id === null || offered_until === null) return;
    const expires_in_ms = Math.max(0, offered_until - this.#now);
    this.#connections.sendEach(agent_id, ({ instance_id, agent_name, repository, token_id }) => {
      const offeree = { agent_id, agent_name: agent_name!, instance_id: instance_id!, repository, token_id };
      const proof = proofOf(proof_key, offeree);
      return { type: 'offer', task_id, epoch, session_id, expires_in_ms, proof };
    });
  }

  /**
   * The handler of the offers' deadline: returns lapsed offers to the queue. If the registry was down when an offer
   * lapsed, its agent could not accept it and gets the time again. It also gets the offer again, with its next hello.
   */
  lapse({ late_ms }: Due): void {
    for (const slot of this.#slots.lapsed(this.#now)) {
      const { agent_id } = slot;
      if (wasDownAt(late_ms)) this.#slots.offer(slot, { agent_id: agent_id!, offered_until: this.#now + OFFER_MS });
      else this.#apply(slot, slot, { type: 'lapsed', agent_id: agent_id! });
    }
    this.match();
    const next = this.#slots.nextLapse();
    if (next !== null) this.#kit.deadlines.set(DEADLINE.offers, next);
  }

  /** Adds a request. It is matched before it is stored, so that it is written once. */
  #add(request: SlotRequest): void {
    const queued = this.#dispatch.add({ ...request, ...this.#slots.standingOf(request), declined: {} });
    const match = this.#dispatch.match();
    const own = match.offers.find((offer) => offer.request === queued);
    const offer = own ? { agent_id: own.agent_id, offered_until: this.#now + OFFER_MS } : null;
    queued.arrival = this.#slots.insert(request, offer);
    if (offer) this.#announce({ ...request, ...offer });
    this.#offer({ ...match, offers: match.offers.filter((other) => other !== own) });
  }

  #offer({ offers, joined, look_again_at }: Match): void {
    for (const { request, agent_id } of offers) {
      const offered_until = this.#now + OFFER_MS;
      this.#slots.offer(request, { agent_id, offered_until });
      this.#announce({ ...request, agent_id, offered_until });
    }
    for (const request of joined) this.#slots.join(request);
    this.#setNextLook(look_again_at);
  }

  /** Applies an event to a slot. @returns whether the queue must be matched again */
  #apply(key: SlotKey, slot: Slot | undefined, event: SlotEvent): boolean {
    const decided = decideSlot(slot, event, this.#now, DISPATCH);
    if (slot?.agent_id) this.#changed.add(slot.agent_id);
    if (decided.decision === 'accept') {
      this.#slots.accept(key, event.agent_id);
      this.#changed.add(event.agent_id);
      this.#dispatch.remove(key);
      // It crossed the drain, which found no lease to wait for.
      if (this.#agents.isDraining(event.agent_id)) this.#kit.deadlines.set(DEADLINE.drains, this.#now + 1);
      if (decided.cancel_at !== null) this.sendCancel(decided.cancel_at, key);
      // Its offer had lapsed, so that it may have got another one for the same room.
      const isLate = slot?.agent_id !== event.agent_id;
      return (isLate && this.withdrawExcess(event.agent_id)) || decided.match;
    } else if (decided.decision === 'requeue') {
      this.#slots.requeue(key, decided.declined);
      this.#dispatch.read(key);
    } else if (decided.decision === 'end') this.#markEnded(key, slot);
    return decided.match;
  }

  #end(key: SlotKey, slot: Slot | undefined): void {
    this.#markEnded(key, slot);
    if (slot?.agent_id) this.match();
  }

  #markEnded(key: SlotKey, slot: Slot | undefined): void {
    const now = this.#now;
    this.#slots.end(key, now);
    this.#dispatch.remove(key);
    const drains = slot?.agent_id && this.#agents.setIdleSince(slot.agent_id, now);
    if (drains) this.#kit.deadlines.set(DEADLINE.drains, now + 1);
    this.#kit.deadlines.setIfUnset(DEADLINE.review, now + REVIEW_MS);
  }

  /** Sets the deadline in the offer's transaction, so that an offer whose frame is lost returns to the queue. */
  #announce(slot: Omit<Slot, 'state' | 'declined' | 'passed_to'>): void {
    this.#kit.deadlines.setIfUnset(DEADLINE.offers, slot.offered_until!);
    this.#kit.store.afterCommit(() => this.sendOffer(slot));
  }

  /** Does not clear a deadline that is no longer needed, because one unnecessary match costs less than many writes. */
  #setNextLook(at: number | null): void {
    if (at !== null) this.#kit.deadlines.set(DEADLINE.queue, at);
  }

  get #now(): number {
    return this.#kit.store.platform.now();
  }
}
