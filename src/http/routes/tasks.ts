import { createTask } from '../../application/create-task.ts';
import { sessionOfTask } from '../../protocol/common/ids.ts';
import { pathOf } from '../../protocol/endpoints/routes.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { sessionOf } from './sessions.ts';

/** Handlers of tasks. A task's id has the id of its session. */
export function taskHandlers(deps: Dependencies) {
  return {
    createTask: async ({ body, call }, c) => {
      const created = await createTask(deps, call, body);
      if (created.ok) c.header('Location', pathOf('readTask', { id: created.value.id }));
      return created;
    },
    listTasks: ({ query: { session_id, ...page }, call }) => sessionOf(deps, call, session_id).tasks(call, page),
    readTask: ({ params: { id }, query, call }) =>
      sessionOf(deps, call, sessionOfTask(id)).task(call, id, query.include_subtasks === 'true'),
    createGraph: ({ params, body, call }) => sessionOf(deps, call, params.id).createTasks(call, body),
    listSessionTasks: ({ params, query, call }) => sessionOf(deps, call, params.id).tasks(call, query),
    readGraph: ({ params, query, call }) => sessionOf(deps, call, params.id).graph(call, query.agents),
  } satisfies SomeHandlers;
}
