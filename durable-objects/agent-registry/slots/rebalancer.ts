import {
  type BalancedAgent,
  isSource,
  MOVED_AGAIN_MS,
  type Move,
  planMoves,
  type Stay,
} from '../../../src/domain/dispatch/rebalance.ts';
import { CLOSED, circuitOf } from '../../../src/domain/fleet/breaker.ts';
import { median } from '../../../src/domain/percentile.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { Rebalance, RebalanceRequest } from '../../../src/protocol/agent/rebalance.ts';
import { type Outcome, ok } from '../../../src/protocol/common/errors.ts';
import type { Calls } from '../../kit/calls/calls.ts';
import { DISPATCH } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { MovableSlot } from './slots-table.ts';

type Needs = Pick<RegistryParts, 'kit' | 'agents' | 'slots' | 'connections' | 'keeper'>;

/** The most agents whose slots one call looks at, and the most slots. A further call looks at what is left. */
const MAX_SOURCES = 100;
const MAX_SLOTS = 200;
/** The sessions that a reason names. */
const NAMED_SESSIONS = 3;

/** Moves work from agents that have too much to those that have none. */
export class Rebalancer {
  readonly #parts: Needs;
  readonly #calls: Calls;

  constructor(parts: Needs, calls: Calls) {
    this.#parts = parts;
    this.#calls = calls;
  }

  rebalance(call: Call, { dry_run, max_moves }: RebalanceRequest): Outcome<Rebalance> {
    const nothing = ok({ dry_run, moved: [], not_moved: [] });
    if (!this.#parts.kit.store.created) return this.#calls.read('rebalance', call, () => nothing);
    return this.#calls.change('rebalance', call, () => {
      const { moves, stays } = this.#plan(max_moves);
      if (!dry_run) this.#carryOut(moves);
      return ok({ dry_run, moved: moves.map((move) => this.#viewOf(move)), not_moved: reasonsOf(stays) });
    });
  }

  #plan(maxMoves: number): ReturnType<typeof planMoves<MovableSlot>> {
    const { slots } = this.#parts;
    const now = this.#now;
    const agents = this.#agents();
    const sources = agents
      .filter((agent) => agent.slots_used > 0 && isSource(agent, now, DISPATCH.quiet_ms))
      .sort((one, other) => other.slots_used / other.capacity - one.slots_used / one.capacity)
      .slice(0, MAX_SOURCES);
    const order = new Map(sources.map(({ id }, index) => [id, index]));
    const held = slots.movableOf([...order.keys()], MAX_SLOTS);
    held.sort((one, other) => order.get(one.agent_id)! - order.get(other.agent_id)!);
    const peers_ms = median(agents.flatMap(({ duration_ms }) => duration_ms ?? []));
    const moved = slots.movedSince(now - MOVED_AGAIN_MS);
    return planMoves({ agents, held, moved, now, quiet_ms: DISPATCH.quiet_ms, peers_ms }, maxMoves);
  }

  /** Offers go back to the queue, and are matched again. Sessions ask the agents at work to let it go. */
  #carryOut(moves: readonly Move<MovableSlot>[]): void {
    const { kit, slots, keeper } = this.#parts;
    for (const { slot, to } of moves) {
      slots.setMoved(slot, { at: this.#now, from: slot.agent_id, to: to.id });
      if (slot.state === 'accepted') keeper.askToMove(slot);
      else keeper.withdrawOffer(slots.find(slot)!);
    }
    if (moves.length === 0) return;
    keeper.match();
    kit.store.afterCommit(() => kit.store.platform.logger('info', 'work_moved', { moves: moves.length }));
  }

  #agents(): BalancedAgent[] {
    const { agents, connections } = this.#parts;
    const [connected, alive] = [connections.connected(), connections.aliveAt()];
    return agents.all().map((agent) => ({
      ...agent,
      heard_at: alive.get(agent.id) ?? null,
      instance_id: connected.get(agent.id)?.instance_id ?? null,
      circuit: circuitOf(agent.breaker ?? CLOSED, this.#now),
    }));
  }

  #viewOf({ slot, to, reason }: Move<MovableSlot>): Rebalance['moved'][number] {
    const { session_id, task_id, epoch, state, agent_id } = slot;
    const from = { agent_id, name: this.#parts.agents.find(agent_id)!.name };
    return { session_id, task_id, epoch, state, from, to: { agent_id: to.id, name: to.name }, reason };
  }

  get #now(): number {
    return this.#parts.kit.store.platform.now();
  }
}

function reasonsOf(stays: readonly Stay<MovableSlot>[]): Rebalance['not_moved'] {
  const groups = Map.groupBy(stays, ({ reason }) => reason);
  return [...groups].map(([reason, of]) => {
    const sessions = [...new Set(of.map(({ slot }) => slot.session_id))];
    return { reason, count: of.length, sessions: sessions.slice(0, NAMED_SESSIONS) };
  });
}
