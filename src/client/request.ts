import { JSON_TYPE } from '../protocol/common/media-types.ts';
import { withoutTrailingSlash } from '../protocol/common/url.ts';
import { fullJitterMs, pause } from './backoff.ts';
import { ApiError, ConnectionError, readProblem } from './errors.ts';

/** One call of the API. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | number | string[] | undefined>;
  body?: unknown;
  /** A bearer token that replaces the client's own. */
  bearer?: string;
  /** The media type of the body, if it is not JSON_TYPE. */
  bodyType?: string | undefined;
  /** The `Idempotency-Key` of a call that is no GET; generated if absent. */
  idempotencyKey?: string | undefined;
  /** The version of the session that the call is meant for. */
  ifMatch?: number | undefined;
  /** How long the server may wait before it answers, in ms. The limits of time begin after it. */
  waitMs?: number | undefined;
}

/** A lease of an agent. */
export interface LeaseKey {
  task_id: string;
  epoch: number;
}

export interface RequestOptions {
  baseUrl: string;
  token: string | null;
  fetch: typeof fetch;
  /** The lease under which an agent makes its requests, in those that can name one. */
  lease?: LeaseKey | undefined;
  /** The time limit in ms for all attempts and the pauses between them. */
  deadlineMs: number;
  /** The time limit in ms for one attempt. */
  attemptMs: number;
}

const RETRY_BASE_MS = 200;
const RETRY_CAP_MS = 5_000;

/**
 * Performs a call within its deadline. Retries lost connections, 429, 502, 503 and 504. This is safe because
 * every call that is no GET has an `Idempotency-Key`, which stays the same in all attempts.
 *
 * @returns the JSON or the bytes of the response; undefined for 204
 * @throws ApiError with the server's problem; ConnectionError if no response arrives in time; the reason of `signal` if
 *   it aborts
 */
export async function request(options: RequestOptions, call: ApiRequest, signal?: AbortSignal): Promise<unknown> {
  signal?.throwIfAborted();
  const key = call.method === 'GET' ? undefined : (call.idempotencyKey ?? crypto.randomUUID());
  const { waitMs = 0 } = call;
  const endsAt = performance.now() + options.deadlineMs + waitMs;
  for (let attempt = 0; ; attempt++) {
    const outcome = await once(
      options,
      call,
      key,
      Math.min(options.attemptMs + waitMs, endsAt - performance.now()),
      signal,
    );
    if ('value' in outcome) return outcome.value;
    signal?.throwIfAborted();
    const { error } = outcome;
    // An earlier attempt deleted the resource, and its response was lost.
    if (call.method === 'DELETE' && attempt > 0 && error instanceof ApiError && error.status === 404) return undefined;
    const pauseMs = retryInMs(error, attempt);
    if (pauseMs === null || performance.now() + pauseMs >= endsAt) throw error;
    await pause(pauseMs, signal);
    signal?.throwIfAborted();
  }
}

type Attempt = { value: unknown } | { error: ApiError | ConnectionError };

async function once(
  options: RequestOptions,
  call: ApiRequest,
  key: string | undefined,
  withinMs: number,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(
    () => controller.abort(new DOMException('The control plane did not answer in time.', 'TimeoutError')),
    Math.max(withinMs, 0),
  );
  signal?.addEventListener('abort', abort);
  try {
    const response = await options.fetch(urlOf(options.baseUrl, call), {
      method: call.method,
      headers: headersOf(call, call.bearer ?? options.token, key, options.lease),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: controller.signal,
    });
    if (!response.ok) return { error: new ApiError(await readProblem(response)) };
    return { value: await bodyOf(response) };
  } catch (cause) {
    const why = controller.signal.aborted ? 'did not answer in time' : 'cannot be reached';
    return { error: new ConnectionError(`The control plane at ${options.baseUrl} ${why}.`, cause) };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  const isBytes = response.headers.get('content-type') === 'application/octet-stream';
  return isBytes ? new Uint8Array(await response.arrayBuffer()) : response.json();
}

/** The pause before a retry; null when a retry cannot help. */
function retryInMs(error: ApiError | ConnectionError, attempt: number): number | null {
  const jitterMs = fullJitterMs(attempt, RETRY_BASE_MS, RETRY_CAP_MS, Math.random());
  if (error instanceof ConnectionError) return jitterMs;
  const again = error.problem.retryable && [429, 502, 503, 504].includes(error.status);
  return again ? (error.problem.retry_after_seconds ?? 0) * 1_000 + jitterMs : null;
}

function headersOf(
  call: ApiRequest,
  bearer: string | null,
  key: string | undefined,
  lease: LeaseKey | undefined,
): Record<string, string> {
  return {
    accept: 'application/json',
    ...(bearer ? { authorization: `Bearer ${byteString(bearer)}` } : {}),
    ...(call.body === undefined ? {} : { 'content-type': call.bodyType ?? JSON_TYPE }),
    ...(call.ifMatch === undefined ? {} : { 'if-match': `"${call.ifMatch}"` }),
    ...(key ? { 'idempotency-key': key } : {}),
    ...(lease ? { 'oio-lease': `${lease.task_id}/${lease.epoch}` } : {}),
  };
}

/** Encodes a header value as UTF-8 in a byte string, because a user's own token may contain any character. */
function byteString(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function urlOf(baseUrl: string, call: ApiRequest): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(call.query ?? {})) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined) query.append(name, String(item));
    }
  }
  const text = query.toString();
  return `${withoutTrailingSlash(baseUrl)}${call.path}${text ? `?${text}` : ''}`;
}
