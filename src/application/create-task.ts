import type { Call } from '../ports/calls.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { Task } from '../protocol/session/task.ts';
import type { CreateTaskRequest } from '../protocol/session/task-requests.ts';

/** Where the errors of a graph say that its only task is. */
const ONLY_TASK = 'tasks.0.';

/** Creates one task, as a graph of one task. A repeated request gets the task as it is now. */
export async function createTask(
  { sessions }: { sessions: Sessions },
  call: Call,
  { session_id, parent_task_id: parent, graph_version, ...task }: CreateTaskRequest,
): Promise<Outcome<Task>> {
  const session = sessions.at(call.principal.workspace, session_id);
  const created = await session.createTasks(call, { tasks: [{ ...task, parent }], graph_version });
  if (created.ok) return session.task(call, created.value.task_ids[0]!, false);
  const errors = created.failure.errors?.map(({ path, message }) => ({ path: memberOf(path), message }));
  return { ok: false, failure: { ...created.failure, ...(errors && { errors }) } };
}

function memberOf(path: string): string {
  if (!path.startsWith(ONLY_TASK)) return path;
  const member = path.slice(ONLY_TASK.length);
  return member === 'parent' ? 'parent_task_id' : member;
}
