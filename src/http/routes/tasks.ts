import { createTask } from '../../application/create-task.ts';
import { ownTemplates } from '../../application/templates.ts';
import type { Call } from '../../ports/calls.ts';
import { ok, refuse } from '../../protocol/common/errors.ts';
import { sessionOfTask, type TaskId } from '../../protocol/common/ids.ts';
import { pathOf } from '../../protocol/endpoints/routes.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { sessionOf } from './sessions.ts';

/** Handlers of tasks. A task's id has the id of its session. */
export function taskHandlers(deps: Dependencies) {
  const taskOf = (call: Call, id: TaskId) => sessionOf(deps, call, sessionOfTask(id));
  return {
    createTask: async ({ body, call }, c) => {
      const created = await createTask(deps, call, body);
      if (created.ok) c.header('Location', pathOf('readTask', { id: created.value.id }));
      return created;
    },
    listTasks: ({ query: { session_id, ...page }, call }) => sessionOf(deps, call, session_id).tasks(call, page),
    readTask: ({ params: { id }, query, call }) => taskOf(call, id).task(call, id, query.include_subtasks === 'true'),
    updateTask: ({ params: { id }, body, call }) => taskOf(call, id).changeTask(call, id, { type: 'update', body }),
    deleteTask: ({ params: { id }, query: { cascade, ...options }, call }) =>
      taskOf(call, id).removeTask(call, id, { cascade: cascade === 'true', ...options }),
    updateTaskStatus: ({ params: { id }, body, call }) =>
      taskOf(call, id).changeTask(call, id, { type: 'status', body }),
    retryTask: ({ params: { id }, body, call }) => taskOf(call, id).changeTask(call, id, { type: 'retry', body }),
    decomposeTask: async ({ params: { id }, body: { task_id, ...body }, call }) => {
      if (task_id !== undefined && task_id !== id) return ANOTHER_TASK;
      const templates = await ownTemplates(deps, call);
      if (!templates.ok) return templates;
      const split = await taskOf(call, id).decompose(call, id, body, templates.value);
      if (!split.ok) return split;
      const status = split.value.decomposition?.state === 'planning' ? 202 : 200;
      return ok({ status, body: split.value });
    },
    readDependencies: ({ params: { id }, call }) => taskOf(call, id).dependencies(call, id),
    addDependency: ({ params: { id }, body, call }) =>
      taskOf(call, id).changeTask(call, id, { type: 'add_dependency', body }),
    removeDependency: ({ params: { id, ...other }, query, call }) =>
      taskOf(call, id).changeTask(call, id, { type: 'remove_dependency', body: { ...other, ...query } }),
    createGraph: ({ params, body, call }) => sessionOf(deps, call, params.id).createTasks(call, body),
    listSessionTasks: ({ params, query, call }) => sessionOf(deps, call, params.id).tasks(call, query),
    readGraph: ({ params, query, call }) => sessionOf(deps, call, params.id).graph(call, query.agents),
  } satisfies SomeHandlers;
}

const ANOTHER_TASK = refuse('validation_failed', 'The body names another task than the path.', {
  errors: [{ path: 'task_id', message: 'must be the id of the path, or absent' }],
});
