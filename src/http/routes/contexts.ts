import { createContext } from '../../application/context/create-context.ts';
import { diffContexts } from '../../application/context/diff-contexts.ts';
import { readEffective } from '../../application/context/effective-context.ts';
import { contextAt } from '../../application/context/identity.ts';
import { listContexts } from '../../application/context/list-contexts.ts';
import { mergeContexts } from '../../application/context/merge-contexts.ts';
import { readContext } from '../../application/context/read-context.ts';
import { pointerTo, promoteContext, shareContext } from '../../application/context/share-context.ts';
import { underLease } from '../../application/context/under-lease.ts';
import { writeContext } from '../../application/context/write-context.ts';
import type { Call } from '../../ports/calls.ts';
import type { NewContext } from '../../ports/contexts.ts';
import type { Sessions } from '../../ports/sessions.ts';
import type { Outcome } from '../../protocol/common/errors.ts';
import type { ContextRef } from '../../protocol/context/address.ts';
import { LEASE_HEADER } from '../../protocol/endpoints/endpoint.ts';
import { pathOf } from '../../protocol/endpoints/routes.ts';
import type { AppContext } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { leaseIn } from '../lease-in.ts';
import { linkNext } from '../next-page.ts';

/** Handlers of contexts. */
export function contextHandlers(deps: Dependencies) {
  const making = { ...deps, digest: deps.signer.digest };
  const homeOf = async (call: Call, ref: ContextRef) => (await contextAt(deps.contexts, call, ref)).home;
  const handlers = {
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
    readContext: ({ params: { id }, query, call }) => readContext(deps, call, id, query),
    updateContext: ({ params: { id }, body, call }, c) =>
      writeContext(deps, call, id, (home, create) => home.update(call, body, newIn(c, create))),
    deleteContext: async ({ params: { id }, call }) => (await homeOf(call, id)).remove(call),
    readContextKey: async ({ params: { id, path }, call }) => (await homeOf(call, id)).readKey(call, pointerTo(path)),
    putContextKey: ({ params: { id, path }, body, call }, c) =>
      writeContext(deps, call, id, (home, create) => home.putKey(call, pointerTo(path), body, newIn(c, create))),
    deleteContextKey: async ({ params: { id, path }, call }) =>
      (await homeOf(call, id)).removeKey(call, pointerTo(path)),
    readContextHistory: async ({ params: { id }, query, call }) => (await homeOf(call, id)).history(call, query),
    diffContextVersions: async ({ params: { id }, query, call }) =>
      (await homeOf(call, id)).diff(call, query.from, query.to),
    mergeContexts: ({ body, call }) => mergeContexts(deps.contexts, call, body),
    readEffectiveContext: ({ query, call }) => readEffective(deps, call, query),
    diffContexts: ({ params: { id, other }, call }) => diffContexts(deps.contexts, call, id, other),
    shareContext: ({ params: { id }, body, call }) => shareContext(deps, call, id, body),
    unlinkContext: async ({ params: { id, context_id }, call }) => {
      const [from, to] = await Promise.all([id, context_id].map((ref) => contextAt(deps.contexts, call, ref)));
      return from!.home.unlink(call, to!.id);
    },
    promoteContext: ({ params: { id }, body, call }) => promoteContext(deps, call, id, body),
    listContextConflicts: async ({ params: { id }, query, call }) => (await homeOf(call, id)).conflicts(call, query),
    resolveContextConflict: async ({ params: { id, n }, body, call }) =>
      (await homeOf(call, id)).resolve(call, Number(n), body),
    revertContext: async ({ params: { id }, body, call }) => (await homeOf(call, id)).revert(call, body),
  } satisfies SomeHandlers;
  return underLeases(deps.sessions, handlers);
}

/** What a write may make; nothing if it is meant for any version, but for one that is there (RFC 9110 §13.1.1). */
function newIn(c: AppContext, create: NewContext | undefined): NewContext | undefined {
  return c.req.header('If-Match')?.trim() === '*' ? undefined : create;
}

/** The handlers with calls whose lease, if they name one, is confirmed. */
function underLeases<Own extends SomeHandlers>(sessions: Sessions, handlers: Own): Own {
  const leased = Object.entries(handlers).map(([id, handle]) => [
    id,
    async (request: { call: Call }, c: AppContext) => {
      const lease = c.req.header(LEASE_HEADER);
      const call = await underLease(sessions, request.call, lease === undefined ? null : leaseIn(lease));
      return call.ok ? (handle as LooseHandler)({ ...request, call: call.value }, c) : call;
    },
  ]);
  return Object.fromEntries(leased) as Own;
}

type LooseHandler = (request: { call: Call }, c: AppContext) => Promise<Outcome<unknown>>;
