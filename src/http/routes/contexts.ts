import { createContext } from '../../application/context/create-context.ts';
import { contextAt } from '../../application/context/identity.ts';
import { listContexts } from '../../application/context/list-contexts.ts';
import { writeContext } from '../../application/context/write-context.ts';
import type { Call } from '../../ports/calls.ts';
import type { ContextRef } from '../../protocol/context/address.ts';
import { pathOf } from '../../protocol/endpoints/routes.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { linkNext } from '../next-page.ts';

/** Handlers of contexts. */
export function contextHandlers(deps: Dependencies) {
  const making = { ...deps, digest: deps.signer.digest };
  const homeOf = async (call: Call, ref: ContextRef) => (await contextAt(deps.contexts, call, ref)).home;
  return {
    createContext: async ({ body, call }, c) => {
      const created = await createContext(making, call, body);
      if (created.ok) c.header('Location', pathOf('readContext', { id: created.value.id }));
      return created;
    },
    listContexts: async ({ query, call }, c) => {
      const page = await listContexts(deps, call.principal.workspace, query);
      if (page.ok) linkNext(c, page.value.next_cursor);
      return page;
    },
    readContext: async ({ params: { id }, query, call }) => (await homeOf(call, id)).read(call, query.version),
    updateContext: ({ params: { id }, body, call }) =>
      writeContext(deps, call, id, (home, create) => home.update(call, body, create)),
    deleteContext: async ({ params: { id }, call }) => (await homeOf(call, id)).remove(call),
    readContextHistory: async ({ params: { id }, query, call }) => (await homeOf(call, id)).history(call, query),
    diffContextVersions: async ({ params: { id }, query, call }) =>
      (await homeOf(call, id)).diff(call, query.from, query.to),
    revertContext: async ({ params: { id }, body, call }) => (await homeOf(call, id)).revert(call, body),
  } satisfies SomeHandlers;
}
