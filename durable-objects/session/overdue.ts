import { isWorking } from '../../src/domain/session/session-machine.ts';
import { isFinal } from '../../src/domain/task-status.ts';
import { type DeadlineHandler, type Due, handlerOf } from '../kit/deadlines.ts';
import { DEADLINE, type DeadlineName, RETURN_MS } from './config.ts';
import type { SessionParts } from './parts.ts';
import { TOO_LATE } from './runs.ts';

type Needs = Pick<
  SessionParts,
  'kit' | 'records' | 'log' | 'approvals' | 'decisions' | 'leases' | 'runs' | 'tasks' | 'actions' | 'projections'
>;

/** The handlers of the session's deadlines. */
export class Overdue {
  readonly #parts: Needs;
  readonly #handlers: Readonly<Record<DeadlineName, DeadlineHandler>>;

  constructor(parts: Needs) {
    this.#parts = parts;
    const { log, tasks, actions, projections } = parts;
    this.#handlers = {
      [DEADLINE.lease]: { waitsFor: 'others', run: (task) => this.#lease(Number(task)) },
      [DEADLINE.request]: { waitsFor: 'others', run: () => this.#request() },
      [DEADLINE.approval]: { waitsFor: 'others', run: (id, due) => this.#approval(id, due) },
      [DEADLINE.max_duration]: { waitsFor: 'others', run: (_, due) => this.#maxDuration(due) },
      [DEADLINE.timeout]: { waitsFor: 'time', run: (task) => tasks.timeIsUp(Number(task)) },
      [DEADLINE.reserve]: { waitsFor: 'time', run: (task) => tasks.reserveAgain(Number(task)) },
      [DEADLINE.requeue]: { waitsFor: 'time', run: (task) => tasks.requeue(Number(task)) },
      [DEADLINE.summary]: { waitsFor: 'time', run: () => projections.changed() },
      [DEADLINE.trim]: { waitsFor: 'time', run: () => log.retain() },
      [DEADLINE.retire]: { waitsFor: 'time', run: () => log.retire() },
      [DEADLINE.purge]: { waitsFor: 'time', run: () => actions.purge() },
    };
  }

  /** Handles a deadline. A deleted session has only that of its purge. */
  readonly handle = (name: string, due: Due): void => {
    if (name === DEADLINE.purge || this.#parts.records.find() !== null) handlerOf(this.#handlers)(name, due);
  };

  /** Judges the lease of a task. A quiet agent makes the session degraded, unless the agent waits for an answer. */
  #lease(task: number): void {
    const { kit, records, leases, tasks, approvals } = this.#parts;
    const lease = records.liveLease(task);
    if (!lease) return;
    if (isFinal(records.task(task)!)) {
      const until = leases.finishesUntil(lease, records.task(task)!.ended_at ?? 0);
      if (until === null) tasks.lose(task, TOO_LATE);
      else kit.deadlines.set(DEADLINE.lease + task, until);
      return;
    }
    const judgement = leases.judge(lease);
    if (judgement === 'lost') tasks.lose(task, 'agent_silent');
    else if (judgement === 'alive') tasks.seen(task);
    else if (judgement === 'quiet' && !approvals.agentWaits(task)) tasks.quiet(task);
  }

  /** Lets a pause or stop take effect without the agents that are late, and waits for the others. */
  #request(): void {
    const { kit, records, leases, runs } = this.#parts;
    const { intent, requested_at } = records.session();
    if ((intent !== 'pause' && intent !== 'stop') || requested_at === null) return;
    const own = records.liveLeases().filter(({ task }) => !records.task(task)!.aside);
    const judged = own.map((lease) => ({ lease, until: leases.finishesUntil(lease, requested_at) }));
    const times = judged.flatMap(({ until }) => until ?? []);
    if (times.length > 0) kit.deadlines.set(DEADLINE.request, Math.min(...times));
    const late = judged.filter(({ until }) => until === null);
    runs.holdWithout(
      late.map(({ lease }) => lease),
      intent,
    );
  }

  #approval(id: string, { late_ms }: Due): void {
    const { leases, approvals, decisions } = this.#parts;
    if (leases.wereCutOff(late_ms)) return approvals.extend(id);
    const expired = approvals.expire(id);
    if (expired) decisions.decided(expired);
  }

  /**
   * Ends the session at its time limit. There is no grace period, because the user chose the limit. But an agent may have
   * finished before the limit while the object was down, so it has time to return.
   */
  #maxDuration({ at, late_ms }: Due): void {
    const { kit, records, leases, actions } = this.#parts;
    const { status, active_ms, active_since } = records.session();
    if (!isWorking(status)) return;
    const left = Math.max(0, records.spec().max_duration_seconds * 1_000 - active_ms);
    const isExtended = at > (active_since ?? 0) + left;
    if (isExtended || !leases.wereCutOff(late_ms)) return actions.timeIsUp();
    kit.deadlines.set(DEADLINE.max_duration, kit.store.platform.now() + RETURN_MS);
  }
}
