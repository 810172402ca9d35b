import { handedBack, retryBackoffMs } from '../../src/domain/lease/liveness.ts';
import { type Setback, taskStatusUnder } from '../../src/domain/session/session-status.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import { DEADLINE } from './config.ts';
import type { SessionParts } from './parts.ts';
import type { MoveFacts } from './transitions.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'transitions'>;

/** How an attempt failed. */
interface FailedAttempt {
  setback: Setback;
  reason: string;
  /** Whether the attempt counts towards `max_attempts`. */
  costsAttempt: boolean;
  error?: SessionError;
  /** When the lease was granted that the agent hands back. If that costs no attempt, a pause bounds its repetition. */
  grantedAt?: number;
}

/** Counts the failed attempts of tasks, and decides whether another attempt follows. */
export class Attempts {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Ends an attempt. A requested pause or stop takes effect now. Otherwise the next attempt follows if one is left. */
  end(number: number, { setback, reason, costsAttempt, error, grantedAt }: FailedAttempt): void {
    const { kit, records, transitions } = this.#parts;
    const { platform } = kit.store;
    const held = records.task(number)!.aside ? null : taskStatusUnder(records.session().intent);
    if (held !== null) {
      transitions.task(number, { status: held, degraded_by: null });
      return transitions.settle({ reason });
    }
    const used = records.task(number)!.attempts_used + (costsAttempt ? 1 : 0);
    records.updateTask(number, { attempts_used: used });
    const isLast = used >= records.maxAttempts(records.task(number)!);
    kit.store.afterCommit(() =>
      platform.logger('info', 'attempt_ended', { task: number, reason, attempts_used: used, is_last: isLast }),
    );
    if (isLast) {
      const message = `All ${used} attempts have failed. The last error: ${error?.message ?? reason}`;
      const exhausted = { code: error?.code ?? 'attempts_exhausted', message, retryable: true };
      return this.failForGood(number, 'attempts_exhausted', exhausted);
    }
    transitions.task(number, { status: 'pending', setback, degraded_by: null });
    transitions.settle({ reason });
    const pause = costsAttempt ? retryBackoffMs(used) : this.#pauseAfterHandBack(number, grantedAt);
    kit.deadlines.set(DEADLINE.requeue + number, platform.now() + pause);
  }

  #pauseAfterHandBack(number: number, grantedAt: number | undefined): number {
    if (grantedAt === undefined) return 0;
    const { kit, records } = this.#parts;
    const heldMs = kit.store.platform.now() - grantedAt;
    const { in_a_row, pause_ms } = handedBack(records.task(number)!.handed_back, heldMs);
    records.updateTask(number, { handed_back: in_a_row });
    return pause_ms;
  }

  /** Fails the task without another attempt. */
  failForGood(number: number, reason: string, error: SessionError, result?: MoveFacts['result']): void {
    const { records, transitions } = this.#parts;
    // Without a plan, the planned task goes on all the same.
    const status = records.task(number)!.kind === 'plan' ? 'skipped' : 'failed';
    transitions.task(number, { status, degraded_by: null, error: JSON.stringify(error) });
    transitions.settle({ reason, error, result });
  }
}
