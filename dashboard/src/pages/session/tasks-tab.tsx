import { useMutation, useQueryClient } from '@tanstack/react-query';
import { clsx } from 'clsx';
import { isFinal } from '../../../../src/domain/task-status.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { TaskStatus } from '../../../../src/protocol/common/enums.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import type { SessionGraph, TaskView } from '../../../../src/protocol/session/task.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { useGraph } from '../../data/use-graph.ts';
import { sessionKey } from '../../data/use-session.ts';
import { Button } from '../../ui/button.tsx';
import { fullTime } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/notice.tsx';
import { outlineOf } from './task-outline.ts';

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

/** The tasks of a session, each with its status, its agent, and what it waits for. */
export function TasksTab({ session }: { session: SessionView }) {
  const tasks = session.tasks ?? [];
  const graph = useGraph(session.id, tasks.map(({ status }) => status).join(' '));
  const titles = new Map(tasks.map(({ id, title }) => [id, title]));
  const parents = new Set(tasks.map(({ parent_task_id }) => parent_task_id));
  const titleOf = (id: string) => titles.get(id) ?? id;
  const missing = (graph.data?.nodes.length ?? 0) - tasks.length;
  return (
    <div className="space-y-4">
      {graph.isError && <ErrorNotice error={graph.error} />}
      {graph.data && <Forecast graph={graph.data} />}
      <ul aria-label="Tasks" className="divide-y-2 divide-faint border-2 border-ink">
        {outlineOf(tasks).map(({ task, depth }) => (
          <li key={task.id} style={{ paddingLeft: `${0.75 + depth * 1.5}rem` }} className="space-y-1 py-2.5 pr-3">
            <Task
              task={task}
              sessionId={session.id}
              titleOf={titleOf}
              isCritical={graph.data?.critical_path.includes(task.id) ?? false}
              isParent={parents.has(task.id)}
            />
          </li>
        ))}
      </ul>
      {missing > 0 && <p className="text-sm text-mute">{missing} more tasks are not shown here.</p>}
    </div>
  );
}

/** How much is done, and when the rest is expected to be. */
function Forecast({ graph: { nodes, critical_path, predicted_finish_at, agents } }: { graph: SessionGraph }) {
  const parents = new Set(nodes.map(({ parent_task_id }) => parent_task_id));
  const leaves = nodes.filter(({ task_id }) => !parents.has(task_id));
  const done = leaves.filter(({ status }) => isFinal({ status })).length;
  return (
    <p className="font-mono text-xs text-mute">
      {done} of {leaves.length} tasks have ended.{' '}
      {critical_path.length > 0 && (
        <>
          By the estimates, the rest is done at{' '}
          <time dateTime={predicted_finish_at}>{fullTime(predicted_finish_at)}</time>, with at most {agents} at a time.
          ◆ marks the critical path.
        </>
      )}
    </p>
  );
}

interface TaskProps {
  task: TaskView;
  sessionId: string;
  titleOf: (id: string) => string;
  isCritical: boolean;
  /** The task has subtasks, and is not worked on itself. */
  isParent: boolean;
}

function Task({ task, sessionId, titleOf, isCritical, isParent }: TaskProps) {
  const { title, status, attempt, estimated_hours } = task;
  const agent_name = task.agent_name ?? task.last_assignment?.agent_name ?? null;
  const facts = [
    agent_name !== null && visible(agent_name),
    attempt > 1 && `attempt ${attempt}`,
    estimated_hours !== null && `about ${estimated_hours.toFixed(1)} h`,
  ].filter((fact) => fact !== false);
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
          {visible(title)}
          {isCritical && (
            <span title="On the critical path" className="ml-2 text-mute">
              <span aria-hidden="true">◆</span>
              <span className="sr-only">, on the critical path</span>
            </span>
          )}
        </span>
        {!isParent && <Retry task={task} sessionId={sessionId} />}
      </div>
      {facts.length > 0 && <p className="font-mono text-xs break-words text-mute">{facts.join(' · ')}</p>}
      <Reason task={task} titleOf={titleOf} />
    </>
  );
}

/** Why the task does not go on. */
function Reason({ task, titleOf }: Pick<TaskProps, 'task' | 'titleOf'>) {
  const { status, waiting_on, caused_by, blocked_by } = task;
  const named = (ids: readonly string[]) => ids.map((id) => `“${visible(titleOf(id))}”`).join(', ');
  const why =
    caused_by !== null
      ? `Not done, because of ${named([caused_by])}.`
      : blocked_by !== null
        ? visible(blocked_by.message)
        : waiting_on.length > 0 && !isFinal({ status })
          ? `${status === 'in_progress' ? 'Its work is done. It waits' : 'Waits'} for ${named(waiting_on)}.`
          : null;
  return why && <p className="text-sm wrap-anywhere text-mute">{why}</p>;
}

/** Starts a failed task again. The tasks that were skipped because of it start too. */
function Retry({ task, sessionId }: Pick<TaskProps, 'task' | 'sessionId'>) {
  const client = useClient();
  const queries = useQueryClient();
  const mayOperate = useMay('operate');
  const retry = useMutation({
    mutationFn: () => client.tasks.retry(task.id, { with_dependents: false }),
    onSuccess: () => queries.invalidateQueries({ queryKey: sessionKey(sessionId) }),
  });
  if (!mayOperate || task.status !== 'failed') return null;
  return (
    <>
      <Button
        aria-label={`Retry ${visible(task.title)}`}
        className="min-h-7! px-2! py-0!"
        busy={retry.isPending}
        onClick={() => retry.mutate()}
      >
        Retry
      </Button>
      {retry.isError && <ErrorNotice error={retry.error} />}
    </>
  );
}
