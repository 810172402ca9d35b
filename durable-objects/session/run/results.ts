import { isFinal } from '../../../src/domain/task-status.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { CHECKS_FAILED } from '../../../src/protocol/session/checks.ts';
import type { SessionError } from '../../../src/protocol/session/session.ts';
import type { SessionParts } from '../parts.ts';
import type { LeaseRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records' | 'checks' | 'deliveryTasks' | 'planners' | 'tasks' | 'works'>;
type Result = Extract<AgentFrameBody, { type: 'result' }>['data'];

/** What a result leads to: the end of its task, or another prompt. */
export class Results {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Ends the task, unless the lease goes on. Without its checks, work is done in part at most. */
  take(lease: LeaseRow, result: Result): void {
    const { checks, records, tasks, works } = this.#parts;
    const { task } = lease;
    if (records.task(task)!.kind === 'deliver' && result.status !== 'failed') return this.#delivered(lease, result);
    if (this.continueLease(lease, result)) return tasks.begun(task);
    const { text, finish, files_changed } = result;
    const verdict = checks.verdict(task);
    const areRed = verdict === 'failed' && mayBeMended(result);
    const areMissing = verdict === 'unknown' && result.status === 'completed';
    const status = areRed ? 'failed' : areMissing ? 'partial' : result.status;
    const reported = result.error ? bounded(result.error) : undefined;
    const said = { success: status === 'completed', text, finish, files_changed };
    const whole = verdict === null ? said : { ...said, checks: checks.results(task) };
    if (areRed) return tasks.fail(task, bounded(checks.whyFailed(task)), whole);
    if (status !== 'failed' && works.lacksMerge(task)) return tasks.fail(task, NOT_MERGED, whole);
    if (status === 'failed') return tasks.fail(task, reported ?? NO_REASON);
    const error = areMissing ? checks.whyNotRun(task) : reported;
    tasks.finish(task, status === 'partial' ? 'partial' : 'whole', { reason: status, result: whole, error });
  }

  /** The result of a task that delivers is what its agent has reported of the branch. */
  #delivered({ task, epoch }: LeaseRow, { text }: Result): void {
    const { deliveryTasks, tasks } = this.#parts;
    const report = deliveryTasks.of(task)?.report;
    if (report?.epoch !== epoch) {
      const why = { code: 'agent_refused', message: CANNOT_DELIVER, retryable: true };
      return tasks.handBack(task, why, { isRefused: true, costsAttempt: false });
    }
    const { state, reason } = report;
    const message = reason ?? `The delivery has ended: ${state}.`;
    if (state === 'delivered') tasks.finish(task, 'whole', { reason: 'completed', result: { success: true, text } });
    else tasks.fail(task, { code: `delivery_${state}`, message, retryable: false });
  }

  /**
   * Lets the lease go on if a message waits that the agent had not seen. Failed checks, and a plan that cannot be used,
   * become one, as long as a round is left.
   * @returns whether it goes on
   */
  continueLease(
    { task, epoch }: LeaseRow,
    result: Pick<Result, 'status' | 'messages_done' | 'text' | 'error'>,
  ): boolean {
    const { checks, planners, records } = this.#parts;
    if (!mayBeMended(result)) return false;
    if (records.lastMessageOf(task) > result.messages_done) return true;
    if (isFinal(records.task(task)!)) return false;
    return planners.sendBack(task, result.text) || (checks.verdict(task) === 'failed' && checks.handBack(task, epoch));
  }
}

/** Whether the agent can go on after the result: it has ended its work, or only its checks fail. */
function mayBeMended({ status, error }: Pick<Result, 'status' | 'error'>): boolean {
  return status !== 'failed' || error?.code === CHECKS_FAILED;
}

/** What an agent of an earlier release, which takes a delivery for other work, is asked no more. */
const CANNOT_DELIVER = 'This agent has reported no delivery, so it does not know how to deliver.';
const NOT_MERGED: SessionError = {
  code: 'not_merged',
  message: 'The agent says that it is done, but has sent no checkpoint with the merged work.',
  retryable: true,
};
const NO_REASON: SessionError = { code: 'agent_failed', message: 'The agent gave no reason.', retryable: false };
/** An agent's error is truncated, because errors are part of every view and list. */
const MAX_ERROR_CHARS = 5_000;
const MAX_CODE_CHARS = 100;

/** The error within the bounds of what is stored of one. */
export function bounded({ code, message, retryable }: SessionError): SessionError {
  return { code: truncated(code, MAX_CODE_CHARS), message: truncated(message, MAX_ERROR_CHARS), retryable };
}
