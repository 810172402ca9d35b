import { taskNumber } from '../../src/protocol/common/ids.ts';
import type { ApprovalView } from '../../src/protocol/session/approval.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import type { SessionParts } from './parts.ts';
import { readBlockage } from './rows.ts';

type Needs = Pick<SessionParts, 'records' | 'gates' | 'conflicts' | 'transitions' | 'taskActions'>;

const NOBODY_APPROVED: SessionError = {
  code: 'approval_expired',
  message: 'Nobody approved the start of the task in time. Retry it to ask again.',
  retryable: true,
};

/** Applies the answer or the expiry of an approval that the session itself requested. */
export class Decisions {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Carries out the answer of an approval. Those of agents have been sent to them already. */
  decided(approval: ApprovalView): void {
    if (approval.kind === 'task_gate') this.#gate(approval);
    if (approval.kind === 'conflict') this.#conflict(approval);
  }

  /** A rejected task is cancelled, because a person decided so. One that nobody has approved fails, so that a retry asks again. */
  #gate(approval: ApprovalView): void {
    const { records, gates, transitions, taskActions } = this.#parts;
    const { decision, by } = approval.answer!;
    const number = taskNumber(approval.task_id);
    if (decision === 'reject') {
      if (approval.status === 'expired') taskActions.endAll(number, 'failed', NOBODY_APPROVED);
      else taskActions.endAll(number, 'cancelled');
    } else {
      gates.open(approval);
      for (const task of records.tasks()) {
        if (readBlockage(task)?.approval_id === approval.id) transitions.task(task.number, { status: 'pending' });
      }
    }
    transitions.settle({ reason: `by ${by}` });
  }

  #conflict(approval: ApprovalView): void {
    const { conflicts, transitions, taskActions } = this.#parts;
    const failure = conflicts.decided(approval, transitions.task);
    if (failure) taskActions.endAll(taskNumber(approval.task_id), 'failed', failure);
    transitions.settle({ reason: `by ${approval.answer!.by}` });
  }
}
