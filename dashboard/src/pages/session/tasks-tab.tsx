import { useMemo } from 'react';
import type { SessionState } from '../../../../src/domain/session/session-state.ts';
import { isFinal } from '../../../../src/domain/task-status.ts';
import { taskNumber } from '../../../../src/protocol/common/task-number.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import type { SessionGraph } from '../../../../src/protocol/session/task.ts';
import { useGraph } from '../../data/use-graph.ts';
import { fullTime } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/notice.tsx';
import { outlineOf } from './task-outline.ts';
import { TaskRow } from './task-row.tsx';
import { taskLogs } from './task-words.ts';

/** The tasks of a session, each with its status, its agent, what it comes after, and what the log says of it. */
export function TasksTab({ session, state }: { session: SessionView; state: SessionState }) {
  const tasks = session.tasks ?? [];
  const graph = useGraph(session.id, tasks.map(({ status }) => status).join(' '));
  const logs = useMemo(() => taskLogs(state), [state]);
  const titles = new Map(tasks.map(({ id, title }) => [id, title]));
  const parents = new Set(tasks.map(({ parent_task_id }) => parent_task_id));
  const followed = new Set(tasks.flatMap(({ depends_on }) => depends_on.map(({ task_id }) => task_id)));
  const critical = new Set(graph.data?.critical_path);
  const missing = (graph.data?.nodes.length ?? 0) - tasks.length;
  return (
    <div className="space-y-4">
      {graph.isError && <ErrorNotice error={graph.error} />}
      {graph.data && <Forecast graph={graph.data} />}
      <ul aria-label="Tasks" className="divide-y-2 divide-faint border-2 border-ink">
        {outlineOf(tasks).map(({ task, depth }) => (
          <li key={task.id} style={{ paddingLeft: `${0.75 + depth}rem` }} className="space-y-1 py-2.5 pr-3">
            <TaskRow
              task={task}
              session={session}
              log={logs.get(taskNumber(task.id))}
              titleOf={(id) => titles.get(id) ?? `task ${taskNumber(id)}`}
              isCritical={critical.has(task.id)}
              isParent={parents.has(task.id)}
              isFollowed={followed.has(task.id)}
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
  const done = nodes.filter(isFinal).length;
  return (
    <p className="font-mono text-xs text-mute">
      {done} of {nodes.length} tasks have ended.{' '}
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
