import type * as z from 'zod';
import type { SessionAction } from '../protocol/common/enums.ts';
import { JSON_PATCH_TYPE, MERGE_PATCH_TYPE } from '../protocol/common/media-types.ts';
import type { ContextJsonPatch } from '../protocol/context/requests.ts';
import type { BodyOf, SchemaOf } from '../protocol/endpoints/endpoints.ts';
import {
  type OperationId,
  type ParamNames,
  type PathOf,
  type PathParams,
  pathOf,
  ROUTES,
} from '../protocol/endpoints/routes.ts';
import type { SessionInclude } from '../protocol/session/session.ts';
import { type ApiRequest, type RequestOptions, request } from './request.ts';
import { SeenVersions } from './seen-versions.ts';

/** Options of every call. */
export interface CallOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** For a day, a repeat with the same key and body has no further effect. Generated for each call if absent. */
  idempotencyKey?: string;
  /** The `version` of the session that a change is meant for. If it has another one, the server answers 412. */
  ifMatch?: number;
}

/** Options of `update`. */
export interface UpdateOptions extends CallOptions {
  /** Sends a merge patch: members of `metadata` that are not named stay, and null removes one. */
  merge?: boolean;
}

/** A request's body as callers send it: members with a default are optional. */
type BodyFor<Id extends OperationId> = z.input<SchemaOf<Id, 'body'>>;
type QueryFor<Id extends OperationId> = Partial<z.input<SchemaOf<Id, 'query'>>>;

/** The result of an operation: the JSON or the bytes of its response, typed by the table of endpoints. */
type ResultOf<Id extends OperationId> =
  BodyOf<Id> extends null ? undefined : BodyOf<Id> extends ReadableStream ? Uint8Array<ArrayBuffer> : BodyOf<Id>;

/** The request body of each action. */
export type ActionBodies = { [Action in SessionAction]: BodyFor<`${Action}Session`> };

/** The arguments of `act` after the action. The body is optional if it has no required members. */
type ActionArguments<Action extends SessionAction> =
  Record<never, never> extends ActionBodies[Action]
    ? [body?: ActionBodies[Action] | undefined, call?: CallOptions]
    : [body: ActionBodies[Action], call?: CallOptions];

/** The parts of a request to an operation, typed by its schemas. */
type Parts<Id extends OperationId> = Pick<ApiRequest, 'bearer' | 'bodyType'> &
  ([ParamNames<PathOf<Id>>] extends [never] ? unknown : { params: PathParams<Id> }) &
  ([SchemaOf<Id, 'query'>] extends [never] ? unknown : { query?: QueryFor<Id> }) &
  ([SchemaOf<Id, 'body'>] extends [never] ? unknown : { body?: BodyFor<Id> | undefined });

interface ListPage<Item> {
  items: Item[];
  next_cursor?: string | null;
}

const CONTEXTS = ROUTES.createContext.path;
/** The largest page. */
const PAGE_SIZE = 100;

/** The items of all pages of a list. */
async function* eachItem<Item>(read: (page: { cursor?: string }) => Promise<ListPage<Item>>): AsyncGenerator<Item> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: ListPage<Item> = await read(cursor === undefined ? {} : { cursor });
    yield* page.items;
    // An earlier release answers with all items and without this member.
    cursor = page.next_cursor ?? null;
  }
}

async function allItems<Item>(read: (page: { cursor?: string }) => Promise<ListPage<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of eachItem(read)) items.push(item);
  return items;
}

/** The REST API, typed by the table of endpoints. Every call throws `ApiError` or `ConnectionError` (see `request`). */
export type RestClient = ReturnType<typeof createRest>;

/**
 * Creates the calls of the REST API.
 *
 * ```ts
 * const { sessions } = createRest({ baseUrl, token, fetch, deadlineMs: 30_000, attemptMs: 10_000 });
 * const { items } = await sessions.list({ status: ['running'] });
 * ```
 */
export function createRest(options: RequestOptions) {
  const seen = new SeenVersions();
  /** Calls an operation by its name in the table. The response is trusted to match the table and is not validated. */
  const send = <Id extends OperationId>(id: Id, parts: Parts<Id>, call: CallOptions = {}): Promise<ResultOf<Id>> => {
    const { params, ...rest } = parts as { params?: PathParams<Id> } & Omit<ApiRequest, 'method' | 'path'>;
    // The callers of `send` have checked the types of the parameters.
    const path = (pathOf as (id: OperationId, params?: object) => string)(id, params);
    const { signal, idempotencyKey, ifMatch } = call;
    const { method } = ROUTES[id];
    const { wait_seconds = 0 } = { ...rest.query, ...(rest.body as object) } as { wait_seconds?: number };
    const waitMs = wait_seconds * 1_000;
    const isOfContexts = path.startsWith(CONTEXTS);
    if (isOfContexts && method !== 'GET') seen.forget();
    const answer = request(options, { method, path, ...rest, idempotencyKey, ifMatch, waitMs }, signal);
    if (!isOfContexts) return answer as Promise<ResultOf<Id>>;
    return answer.then((context) => {
      seen.note((params as { id?: string } | undefined)?.id, context);
      return context as ResultOf<Id>;
    });
  };

  return {
    sessions: {
      create: (body: BodyFor<'createSession'>, call?: CallOptions) => send('createSession', { body }, call),
      /** Reads one page of the list, with `total` for all pages. The default is the 20 newest sessions. */
      list: (query: QueryFor<'listSessions'> = {}, call?: CallOptions) => send('listSessions', { query }, call),
      /**
       * All sessions of a list, page by page. By `created_at`, the default order, none is missed or repeated; by another
       * `sort`, a session whose sort key changes meanwhile may be.
       */
      each: (query: Omit<QueryFor<'listSessions'>, 'cursor' | 'page'> = {}, call?: CallOptions) =>
        eachItem((page) => send('listSessions', { query: { page_size: PAGE_SIZE, ...query, ...page } }, call)),
      get: (id: string, include: SessionInclude[] = [], call?: CallOptions) =>
        send('readSession', { params: { id }, query: { include } }, call),
      /** Changes title, priority, tags or metadata. Absent members stay as they are, and null sets one to its default. */
      update: (id: string, body: BodyFor<'updateSession'>, { merge = false, ...call }: UpdateOptions = {}) =>
        send('updateSession', { params: { id }, body, bodyType: merge ? MERGE_PATCH_TYPE : undefined }, call),
      /** Deletes a session and all of its work. An active session is cancelled first. */
      remove: (id: string, call?: CallOptions) => send('deleteSession', { params: { id } }, call),
      /** Performs an action, such as `start` or `stop`. @returns the session after the action */
      act: <Action extends SessionAction>(id: string, action: Action, ...[body, call]: ActionArguments<Action>) =>
        send(`${action}Session` as 'startSession', { params: { id }, body: body as BodyFor<'startSession'> }, call),
      /** Performs one action on many sessions. Resolves with an outcome for each, even if all of them failed. */
      bulk: (body: BodyFor<'bulkSessions'>, call?: CallOptions) => send('bulkSessions', { body }, call),
      /** Sends a message: steers the running turn, or queues a follow-up prompt. */
      send: (id: string, body: BodyFor<'sendMessage'>, call?: CallOptions) =>
        send('sendMessage', { params: { id }, body }, call),
      /**
       * Reads one page of the event log. Pass its `cursor` as `after` to read the next page. With `wait_seconds`, an
       * answer without events waits for one; the client's limits of time then begin after that.
       */
      events: (id: string, query: QueryFor<'listEvents'> = {}, call?: CallOptions) =>
        send('listEvents', { params: { id }, query }, call),
      /** Reads one page of the transcript. Unlike events, it stays as long as the session. */
      transcript: (id: string, query: QueryFor<'readTranscript'> = {}, call?: CallOptions) =>
        send('readTranscript', { params: { id }, query }, call),
      /** All approvals, open ones first. */
      approvals: (id: string, call?: CallOptions) =>
        allItems((query) => send('listApprovals', { params: { id }, query }, call)),
      /** Delivers the work as a commit on a new branch: when the session has completed, or now if it has ended. */
      deliver: (id: string, body: BodyFor<'deliverWork'> = {}, call?: CallOptions) =>
        send('deliverWork', { params: { id }, body }, call),
      answer: (id: string, approvalId: string, body: BodyFor<'answerApproval'>, call?: CallOptions) =>
        send('answerApproval', { params: { id, approval_id: approvalId }, body }, call),
      checkpoints: (id: string, call?: CallOptions) =>
        allItems((query) => send('listCheckpoints', { params: { id }, query }, call)),
      /** Asks the agent for a checkpoint. Resolves before it is taken; `checkpoint.created` in the log follows. */
      requestCheckpoint: (id: string, call?: CallOptions) => send('requestCheckpoint', { params: { id } }, call),
      /** Ends the running command of one tool call, or all running commands. The turn continues. */
      endTools: (id: string, body: BodyFor<'endTools'> = {}, call?: CallOptions) =>
        send('endTools', { params: { id }, body }, call),
      /** All files of the results, by path. */
      files: (id: string, call?: CallOptions) =>
        allItems((query) => send('listFiles', { params: { id }, query }, call)),
      /** Reads the bytes of a file, or of another artifact. */
      artifact: (id: string, artifactId: string, call?: CallOptions) =>
        send('readArtifact', { params: { id, artifact_id: artifactId } }, call),
      /** Reads the patch of the current work as bytes, for `git apply`. */
      patch: (id: string, call?: CallOptions) => send('readPatch', { params: { id } }, call),
      /** Reads the changed files, and the patch as text, which may be cut. */
      diff: (id: string, call?: CallOptions) => send('readDiff', { params: { id } }, call),
    },
    tasks: {
      /** Adds a task to a session. */
      create: (body: BodyFor<'createTask'>, call?: CallOptions) => send('createTask', { body }, call),
      /** Adds tasks with their dependencies to a session: all of them or none. */
      createGraph: (sessionId: string, body: BodyFor<'createGraph'>, call?: CallOptions) =>
        send('createGraph', { params: { id: sessionId }, body }, call),
      /** All tasks of a session. */
      list: (sessionId: string, call?: CallOptions) =>
        allItems((query) => send('listSessionTasks', { params: { id: sessionId }, query }, call)),
      get: (id: string, query: QueryFor<'readTask'> = {}, call?: CallOptions) =>
        send('readTask', { params: { id }, query }, call),
      update: (id: string, body: BodyFor<'updateTask'>, call?: CallOptions) =>
        send('updateTask', { params: { id }, body }, call),
      /** Removes a task that no agent has begun with. */
      remove: (id: string, query: QueryFor<'deleteTask'> = {}, call?: CallOptions) =>
        send('deleteTask', { params: { id }, query }, call),
      /** Ends a task from outside. */
      end: (id: string, body: BodyFor<'updateTaskStatus'>, call?: CallOptions) =>
        send('updateTaskStatus', { params: { id }, body }, call),
      /** Starts an ended task again, alone or with all tasks that follow it. */
      retry: (id: string, body: BodyFor<'retryTask'>, call?: CallOptions) =>
        send('retryTask', { params: { id }, body }, call),
      /** Splits a task into parts. With the strategy `agent`, the plan comes later; see `decomposition`. */
      decompose: (id: string, body: BodyFor<'decomposeTask'> = {}, call?: CallOptions) =>
        send('decomposeTask', { params: { id }, body }, call),
      dependencies: (id: string, call?: CallOptions) => send('readDependencies', { params: { id } }, call),
      addDependency: (id: string, body: BodyFor<'addDependency'>, call?: CallOptions) =>
        send('addDependency', { params: { id }, body }, call),
      removeDependency: (id: string, otherId: string, call?: CallOptions) =>
        send('removeDependency', { params: { id, depends_on_task_id: otherId } }, call),
      /** The graph of a session, with its critical path and a prediction for so many agents at a time. */
      graph: (sessionId: string, query: QueryFor<'readGraph'> = {}, call?: CallOptions) =>
        send('readGraph', { params: { id: sessionId }, query }, call),
      /** Rates the work that an agent has done last on a task. A repeat replaces the rating. @param id a task's id */
      rate: (id: string, body: BodyFor<'rateTask'>, call?: CallOptions) =>
        send('rateTask', { params: { id }, body }, call),
    },
    contexts: {
      create: (body: BodyFor<'createContext'>, call?: CallOptions) => send('createContext', { body }, call),
      /** One page of the workspace's contexts, the youngest first. */
      list: (query: QueryFor<'listContexts'> = {}, call?: CallOptions) => send('listContexts', { query }, call),
      /** All contexts of a list, page by page. */
      each: (query: Omit<QueryFor<'listContexts'>, 'cursor'> = {}, call?: CallOptions) =>
        eachItem((page) => send('listContexts', { query: { page_size: PAGE_SIZE, ...query, ...page } }, call)),
      /** A context at its newest version, or at an older one. @param id its id, or its address such as `global.notes` */
      get: (id: string, query: QueryFor<'readContext'> = {}, call?: CallOptions) =>
        send('readContext', { params: { id }, query: { min_version: seen.of(id), ...query } }, call),
      /** Changes places of a context. @param body `updates` is a JSON merge patch */
      update: (id: string, body: BodyFor<'updateContext'>, call?: CallOptions) =>
        send('updateContext', { params: { id }, body }, call),
      /** One place of a context. @param path a JSON Pointer, such as `build/status` */
      getKey: (id: string, path: string, call?: CallOptions) => send('readContextKey', { params: { id, path } }, call),
      /** Sets one place. With `expected_version`, it is refused only if this place has changed since. */
      putKey: (id: string, path: string, body: BodyFor<'putContextKey'>, call?: CallOptions) =>
        send('putContextKey', { params: { id, path }, body }, call),
      removeKey: (id: string, path: string, call?: CallOptions) =>
        send('deleteContextKey', { params: { id, path } }, call),
      /** Does the operations of a JSON Patch (RFC 6902), all or none. */
      patch: (id: string, operations: z.input<ReturnType<typeof ContextJsonPatch>>, call?: CallOptions) =>
        send('updateContext', { params: { id }, body: operations as never, bodyType: JSON_PATCH_TYPE }, call),
      remove: (id: string, call?: CallOptions) => send('deleteContext', { params: { id } }, call),
      history: (id: string, query: QueryFor<'readContextHistory'> = {}, call?: CallOptions) =>
        send('readContextHistory', { params: { id }, query }, call),
      diff: (id: string, query: QueryFor<'diffContextVersions'>, call?: CallOptions) =>
        send('diffContextVersions', { params: { id }, query }, call),
      /** The difference from one context to another one. */
      compare: (id: string, other: string, call?: CallOptions) => send('diffContexts', { params: { id, other } }, call),
      /** What counts for a session and an agent: of each key the nearest value, and whence it is. */
      effective: (query: QueryFor<'readEffectiveContext'> = {}, call?: CallOptions) =>
        send('readEffectiveContext', { query }, call),
      /** Merges contexts into the last one of them, or into another one. */
      merge: (body: BodyFor<'mergeContexts'>, call?: CallOptions) => send('mergeContexts', { body }, call),
      /** The open conflicts of merges with the strategy `manual`. */
      conflicts: (id: string, call?: CallOptions) =>
        allItems((query) => send('listContextConflicts', { params: { id }, query }, call)),
      /** One page of them. */
      listConflicts: (id: string, query: QueryFor<'listContextConflicts'> = {}, call?: CallOptions) =>
        send('listContextConflicts', { params: { id }, query }, call),
      resolve: (id: string, n: number, body: BodyFor<'resolveContextConflict'>, call?: CallOptions) =>
        send('resolveContextConflict', { params: { id, n: String(n) }, body }, call),
      /** Gives a context to another session, as a copy or as a link. */
      share: (id: string, body: BodyFor<'shareContext'>, call?: CallOptions) =>
        send('shareContext', { params: { id }, body }, call),
      unlink: (id: string, linked: string, call?: CallOptions) =>
        send('unlinkContext', { params: { id, context_id: linked } }, call),
      /** Gives what is in a context to a wider scope. */
      promote: (id: string, body: BodyFor<'promoteContext'> = {}, call?: CallOptions) =>
        send('promoteContext', { params: { id }, body }, call),
      /** Gives a context the data of an older version again. */
      revert: (id: string, body: BodyFor<'revertContext'>, call?: CallOptions) =>
        send('revertContext', { params: { id }, body }, call),
    },
    agents: {
      list: (call?: CallOptions, filter: QueryFor<'listAgents'> = {}) =>
        allItems((query) => send('listAgents', { query: { ...filter, ...query } }, call)),
      get: (id: string, call?: CallOptions) => send('readAgent', { params: { id } }, call),
      /** The agent that would get a task now, and why. Reserves nothing. */
      route: (body: BodyFor<'routeTask'>, call?: CallOptions) => send('routeTask', { body }, call),
      stats: (call?: CallOptions) => send('readFleetStatistics', {}, call),
      /** Moves work from agents that have too much to idle ones. With `dry_run`, only says what it would move. */
      rebalance: (body: BodyFor<'rebalanceFleet'> = {}, call?: CallOptions) => send('rebalanceFleet', { body }, call),
      /** How an agent has worked lately. */
      performance: (id: string, call?: CallOptions) => send('readAgentPerformance', { params: { id } }, call),
      /** Registers an agent. Only this response contains its own token. */
      register: (body: BodyFor<'registerAgent'>, call?: CallOptions) => send('registerAgent', { body }, call),
      update: (id: string, body: BodyFor<'updateAgent'>, call?: CallOptions) =>
        send('updateAgent', { params: { id }, body }, call),
      /** Gives the agent no new work. It finishes what it has. */
      drain: (id: string, body: BodyFor<'drainAgent'> = {}, call?: CallOptions) =>
        send('drainAgent', { params: { id }, body }, call),
      resume: (id: string, call?: CallOptions) => send('resumeAgent', { params: { id } }, call),
      /** Drains the agent and removes it. */
      deregister: (id: string, body: BodyFor<'deregisterAgent'> = {}, call?: CallOptions) =>
        send('deregisterAgent', { params: { id }, body }, call),
    },
    templates: {
      /** The templates by which tasks are split, built-in ones included. */
      list: (call?: CallOptions) => send('listTemplates', {}, call),
      get: (name: string, call?: CallOptions) => send('readTemplate', { params: { name } }, call),
      /** Adds a template to the workspace, or replaces the one of this name. */
      put: (name: string, body: BodyFor<'putTemplate'>, call?: CallOptions) =>
        send('putTemplate', { params: { name }, body }, call),
      remove: (name: string, call?: CallOptions) => send('deleteTemplate', { params: { name } }, call),
    },
    locks: {
      /** Acquires a lock, or with `wait_seconds` waits for it. @returns the lock, or the place if the wait was in vain */
      acquire: (resource: string, body: BodyFor<'acquireLock'>, call?: CallOptions) =>
        send('acquireLock', { params: { resource }, body }, call),
      renew: (resource: string, body: BodyFor<'renewLock'>, call?: CallOptions) =>
        send('renewLock', { params: { resource }, body }, call),
      release: (resource: string, body: BodyFor<'releaseLock'>, call?: CallOptions) =>
        send('releaseLock', { params: { resource }, body }, call),
      get: (resource: string, call?: CallOptions) => send('readLock', { params: { resource } }, call),
    },
    /** Reads the workspace, role and expiry of this client's token. */
    me: (call?: CallOptions) => send('readPrincipal', {}, call),
    tokens: {
      /** Creates a token. Only this response, and repeats with the same idempotency key, contain its text. */
      create: (body: BodyFor<'createToken'>, call?: CallOptions) => send('createToken', { body }, call),
      list: (call?: CallOptions) => allItems((query) => send('listTokens', { query }, call)),
      revoke: (id: string, call?: CallOptions) => send('revokeToken', { params: { id } }, call),
    },
    codes: {
      /** A code for signing in to the dashboard; without a role, as an admin. */
      create: (body: BodyFor<'createCode'> = {}, call?: CallOptions) => send('createCode', { body }, call),
      /** Exchanges a one-time sign-in code for a token. */
      redeem: (code: string, call?: CallOptions) => send('redeemCode', { bearer: code }, call),
    },
    /** Creates a ticket for one socket, valid for `expires_in_seconds`. @param path the socket's path, without query */
    createTicket: (path: string, call?: CallOptions) => send('createTicket', { body: { path } }, call),
  };
}
