import { acquireLock } from '../../application/acquire-lock.ts';
import { ok } from '../../protocol/common/errors.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';

/** Handlers for the locks of the workspace. */
export function lockHandlers(deps: Dependencies) {
  const locksOf = (workspace: string) => deps.agentRegistries.of(workspace);
  return {
    acquireLock: async ({ params, body, call }) => {
      const acquired = await acquireLock(deps, call, params.resource, body);
      if (!acquired.ok) return acquired;
      const { value } = acquired;
      return ok(value.state === 'held' ? { status: 200, body: value.lock } : { status: 202, body: value.place });
    },
    renewLock: ({ params, body, call }) => locksOf(call.principal.workspace).renewLock(call, params.resource, body),
    releaseLock: ({ params, body, call }) => locksOf(call.principal.workspace).releaseLock(call, params.resource, body),
    readLock: ({ params, call }) => locksOf(call.principal.workspace).readLock(call, params.resource),
  } satisfies SomeHandlers;
}
