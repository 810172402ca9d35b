import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { hasEnded } from '../../../../src/domain/session/session-machine.ts';
import { isFinal } from '../../../../src/domain/task-status.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import { IMPLICIT_TASK, taskNumber } from '../../../../src/protocol/common/task-number.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import type { TaskView } from '../../../../src/protocol/session/task.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { sessionKey } from '../../data/use-session.ts';
import { Button } from '../../ui/button.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';

export interface TaskActionsProps {
  task: TaskView;
  session: SessionView;
  /** The task has subtasks, and is not worked on itself. */
  isParent: boolean;
  /** Other tasks come after it. */
  isFollowed: boolean;
}

/** Buttons that approve the start of a task, start it again, or end it. */
export function TaskActions({ task, session, isParent, isFollowed }: TaskActionsProps) {
  const client = useClient();
  const queries = useQueryClient();
  const mayOperate = useMay('operate');
  const [asks, setAsks] = useState(false);
  const action = useMutation({
    mutationFn: (act: () => Promise<unknown>) => act(),
    onSuccess: () => setAsks(false),
    onSettled: () => queries.invalidateQueries({ queryKey: sessionKey(session.id) }),
  });
  if (!mayOperate) return null;
  const { id, status, kind } = task;
  const title = visible(task.title);
  const gate = task.blocked_by?.kind === 'task_gate' ? task.blocked_by.approval_id : null;
  const isOver = isFinal({ status });
  // A delivery starts again when the session is asked for it again.
  const mayRetry = isOver && !isParent && kind !== 'deliver' && isRetryable(session);
  const hasFailed = status === 'failed' || status === 'cancelled';
  // It starts with the task because of which it was skipped.
  const isSkipped = status === 'skipped';
  // The session itself can be cancelled above.
  const mayCancel = !isOver && !(isParent && taskNumber(id) === IMPLICIT_TASK);
  const button = (text: string, act: () => Promise<unknown>, look?: 'danger') => (
    <Button
      aria-label={`${text}: ${title}`}
      className="min-h-7! px-2! py-0!"
      look={look ?? 'plain'}
      busy={action.isPending}
      onClick={() => action.mutate(act)}
    >
      {text}
    </Button>
  );
  const retry = (with_dependents: boolean) => () => client.tasks.retry(id, { with_dependents });
  return (
    <>
      <div className="ml-auto flex flex-wrap gap-2">
        {gate !== null && button('Approve', () => client.sessions.answer(session.id, gate, { decision: 'once' }))}
        {mayRetry && hasFailed && button('Retry', retry(false))}
        {mayRetry && isFollowed && !isSkipped && button('Retry with all after it', retry(true))}
        {mayCancel && !asks && (
          <Button
            aria-label={`Cancel: ${title}`}
            look="quiet"
            className="min-h-7! px-2! py-0!"
            onClick={() => setAsks(true)}
          >
            Cancel
          </Button>
        )}
        {mayCancel && asks && (
          <>
            {button(
              isParent ? 'End it with its subtasks' : 'End it',
              () => client.tasks.end(id, { status: 'cancelled' }),
              'danger',
            )}
            <Button look="quiet" className="min-h-7! px-2! py-0!" onClick={() => setAsks(false)}>
              Keep
            </Button>
          </>
        )}
      </div>
      {action.isError && (
        <div className="w-full">
          <ErrorNotice error={action.error} />
        </div>
      )}
    </>
  );
}

function isRetryable({ status, legal_actions }: SessionView): boolean {
  return !hasEnded(status) || legal_actions.includes('retry');
}
