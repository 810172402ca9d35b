import type { Call } from '../ports/calls.ts';
import { errorFields, type Logger } from '../ports/logger.ts';
import { Unavailable } from '../ports/unavailable.ts';
import type { Workspaces } from '../ports/workspace.ts';
import { ERROR_CODES, type FieldError, type Outcome, ok, refuse } from '../protocol/common/errors.ts';
import type { SessionId } from '../protocol/common/ids.ts';
import { exceedsBytes, MAX_STORED_BYTES } from '../protocol/common/limits.ts';
import type { BulkItem, BulkResult, BulkSessionRequest } from '../protocol/session/bulk.ts';
import { CreateSessionRequest } from '../protocol/session/requests.ts';
import type { SessionView } from '../protocol/session/session.ts';
import { type CreateSessionDependencies, createSession } from './create-session.ts';

/** The number of concurrent items: enough to hide the objects' latency, and within the platform's limits. */
const AT_ONCE = 6;

/** Converts zod's issues to the API's field errors. */
type FieldErrorsOf = (error: { issues: readonly { path: PropertyKey[]; message: string }[] }) => FieldError[];

interface BulkDependencies extends CreateSessionDependencies {
  workspaces: Workspaces;
  logger: Logger;
}

/** The outcome of a single item. A deleted session has no view. */
type ItemOutcome = Outcome<SessionView | null>;

/**
 * Runs one action on many sessions. With an idempotency key, the workspace stores the result. Each item has its own
 * key, so that a retry of an interrupted request repeats only the unfinished items.
 */
export async function runBulk(
  dependencies: BulkDependencies,
  call: Call,
  request: BulkSessionRequest,
  fieldErrorsOf: FieldErrorsOf,
): Promise<Outcome<BulkResult>> {
  if (!call.idempotency) return ok(await runItems(dependencies, call, request, fieldErrorsOf));
  const workspace = dependencies.workspaces.of(call.principal.workspace);
  const claim = await workspace.claimBulk(call);
  if (!claim.ok) return claim;
  if (claim.value) return ok(claim.value);
  const result = storable(await runItems(dependencies, call, request, fieldErrorsOf));
  // If a session could not be reached, the result is not stored, so that a retry can finish it.
  const isFinal = result.items.every(({ http_status }) => http_status < 500);
  if (isFinal) await workspace.storeBulk(call, result);
  return ok(result);
}

/**
 * Drops per-field details when the result would exceed the row limit. A request full of invalid items can produce more
 * error text than input.
 */
function storable(result: BulkResult): BulkResult {
  if (!exceedsBytes(JSON.stringify(result), MAX_STORED_BYTES)) return result;
  const items = result.items.map(({ error, ...item }) => {
    if (!error) return { ...item, error };
    const { errors: _tooMany, ...rest } = error;
    return { ...item, error: rest };
  });
  return { ...result, items };
}

/** Runs the items independently of each other. */
async function runItems(
  dependencies: BulkDependencies,
  call: Call,
  request: BulkSessionRequest,
  fieldErrorsOf: FieldErrorsOf,
): Promise<BulkResult> {
  const subjects: unknown[] = request.action === 'create' ? request.sessions : request.session_ids;
  const items = new Array<BulkItem>(subjects.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < subjects.length; index = next++) {
      const itemCall = callOfItem(call, index);
      const run = () =>
        request.action === 'create'
          ? createOne(dependencies, itemCall, subjects[index], fieldErrorsOf)
          : actOnOne(dependencies, itemCall, request.action, subjects[index] as SessionId);
      items[index] = itemOf(index, request, await orRefusal(dependencies.logger, itemCall, run));
      // Yields to the event loop. Otherwise, other requests can wait until the whole bulk request has ended.
      await nextTask();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const succeeded = items.filter((item) => item.ok).length;
  return { items, succeeded, failed: items.length - succeeded };
}

function callOfItem(call: Call, index: number): Call {
  const { idempotency } = call;
  return { ...call, idempotency: idempotency && { ...idempotency, key: `${idempotency.key}\n${index}` } };
}

async function createOne(
  dependencies: CreateSessionDependencies,
  call: Call,
  body: unknown,
  fieldErrorsOf: FieldErrorsOf,
): Promise<ItemOutcome> {
  const parsed = CreateSessionRequest().safeParse(body);
  if (parsed.success) return createSession(dependencies, call, parsed.data);
  const errors = fieldErrorsOf(parsed.error);
  return refuse('validation_failed', 'The item is not a valid session. Its errors say how to correct it.', {
    errors,
  });
}

async function actOnOne(
  { sessions }: CreateSessionDependencies,
  call: Call,
  action: Exclude<BulkSessionRequest['action'], 'create'>,
  id: SessionId,
): Promise<ItemOutcome> {
  const session = sessions.at(call.principal.workspace, id);
  switch (action) {
    case 'delete':
      return session.remove(call);
    case 'stop':
      return session.act(call, { action, body: {} });
    case 'retry':
      return session.act(call, { action, body: { from: 'last' } });
    default:
      return session.act(call, { action });
  }
}

/** Converts an unreachable object or a bug to a failure of its item, so that the outcomes of other items are kept. */
async function orRefusal(logger: Logger, call: Call, run: () => Promise<ItemOutcome>): Promise<ItemOutcome> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Unavailable)
      return refuse('unavailable', 'The session cannot be reached now. Send the item again.');
    logger('error', 'unexpected_error', { request_id: call.request_id, ...errorFields(error) });
    return refuse('internal_error', 'The item failed with an internal error. Send it again.');
  }
}

function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function itemOf(index: number, request: BulkSessionRequest, outcome: ItemOutcome): BulkItem {
  const asked = request.action === 'create' ? null : (request.session_ids[index] ?? null);
  if (!outcome.ok) {
    const { code, detail, errors, legal_actions } = outcome.failure;
    const error = { code, detail, ...(errors && { errors }), ...(legal_actions && { legal_actions }) };
    return { index, session_id: asked, ok: false, http_status: ERROR_CODES[code].status, status: null, error };
  }
  const view = outcome.value;
  const http_status = request.action === 'create' ? 201 : view === null ? 204 : 200;
  return { index, session_id: view?.id ?? asked, ok: true, http_status, status: view?.status ?? null, error: null };
}
