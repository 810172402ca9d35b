import { createContext } from '../../application/create-context.ts';
import type { Call } from '../../ports/calls.ts';
import type { ContextId } from '../../protocol/context/context.ts';
import { pathOf } from '../../protocol/endpoints/routes.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';

/** Handlers of contexts. */
export function contextHandlers(deps: Dependencies) {
  const making = { ...deps, digest: deps.signer.digest };
  const contextOf = (call: Call, id: ContextId) => deps.contexts.at(call.principal.workspace, id);
  return {
    createContext: async ({ body, call }, c) => {
      const created = await createContext(making, call, body);
      if (created.ok) c.header('Location', pathOf('readContext', { id: created.value.id }));
      return created;
    },
    readContext: ({ params: { id }, query, call }) => contextOf(call, id).read(call, query.version),
    updateContext: ({ params: { id }, body, call }) => contextOf(call, id).update(call, body),
    deleteContext: ({ params: { id }, call }) => contextOf(call, id).remove(call),
    readContextHistory: ({ params: { id }, query, call }) => contextOf(call, id).history(call, query),
    diffContextVersions: ({ params: { id }, query, call }) => contextOf(call, id).diff(call, query.from, query.to),
    revertContext: ({ params: { id }, body, call }) => contextOf(call, id).revert(call, body),
  } satisfies SomeHandlers;
}
