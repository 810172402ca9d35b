import { clsx } from 'clsx';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { TaskStatus } from '../../../../src/protocol/common/enums.ts';
import { taskNumber } from '../../../../src/protocol/common/task-number.ts';
import { checkText, checkTone, roundText } from './check.tsx';
import { TaskActions, type TaskActionsProps } from './task-actions.tsx';
import { afterText, factsOf, type TaskLog, type TitleOf, waitText } from './task-words.ts';

const COLORS: Record<TaskStatus, string> = {
  pending: 'text-mute',
  ready: 'text-wait',
  assigned: 'text-wait',
  in_progress: 'text-go',
  blocked: 'text-warn',
  paused: 'text-warn',
  completed: 'text-go',
  failed: 'text-bad',
  cancelled: 'text-mute',
  skipped: 'text-mute',
};

interface TaskRowProps extends TaskActionsProps {
  /** Undefined while the log says nothing of it. */
  log: TaskLog | undefined;
  titleOf: TitleOf;
  isCritical: boolean;
}

/** A task with what is known of it, and what can be done with it. */
export function TaskRow({ log, titleOf, isCritical, ...acting }: TaskRowProps) {
  const { task } = acting;
  const { id, title, status } = task;
  const facts = factsOf(task);
  const order = [afterText(task, titleOf), waitText(task, titleOf)].filter((text) => text !== null).join(' ');
  return (
    <>
      <div className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <span
          data-task-status={status}
          className={clsx('caps shrink-0 border-2 border-current px-1.5', COLORS[status])}
        >
          {status.replace('_', ' ')}
        </span>
        <span className="min-w-0 font-bold wrap-anywhere">
          <span className="mr-2 font-mono text-mute">{taskNumber(id)}</span>
          {visible(title)}
          {isCritical && (
            <span title="On the critical path" className="ml-2 text-mute">
              <span aria-hidden="true">◆</span>
              <span className="sr-only">, on the critical path</span>
            </span>
          )}
        </span>
        <TaskActions {...acting} />
      </div>
      {facts.length > 0 && <p className="font-mono text-xs break-words text-mute">{facts.join(' · ')}</p>}
      {order !== '' && <p className="text-sm wrap-anywhere text-mute">{order}</p>}
      {task.error !== null && <p className="text-sm wrap-anywhere text-bad">{visible(task.error.message)}</p>}
      {log !== undefined && <TaskReport log={log} />}
    </>
  );
}

function TaskReport({ log: { split, checks, remarks } }: { log: TaskLog }) {
  return (
    <>
      {split !== null && <p className="text-sm wrap-anywhere text-mute">{visible(split)}</p>}
      {checks.map((check) => (
        <p key={check.id} className="flex flex-wrap gap-x-2 font-mono text-xs">
          <span className="wrap-anywhere">{visible(check.command)}</span>{' '}
          <span className={checkTone(check)}>{checkText(check) + roundText(check)}</span>
        </p>
      ))}
      {remarks.map((remark) => (
        <p key={remark} className="text-sm wrap-anywhere text-warn">
          {visible(remark)}
        </p>
      ))}
    </>
  );
}
