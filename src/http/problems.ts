import type { ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { errorFields, type Logger } from '../ports/logger.ts';
import { Unavailable } from '../ports/unavailable.ts';
import { ERROR_CODES, type ErrorCode, type Failure, type Problem, problemType } from '../protocol/common/errors.ts';
import type { AppContext, AppEnv } from './context.ts';
import { etagOf } from './etag.ts';
import { Refusal } from './refusal.ts';

const RETRY_AFTER_SECONDS = 2;

/** Responds with problem details (RFC 9457). Status, title and `retryable` come from the table of error codes. */
export function problem(c: AppContext, failure: Failure): Response {
  const { status, title, retryable: isUsual } = ERROR_CODES[failure.code];
  const retryable = failure.retryable ?? isUsual;
  const retryAfter =
    failure.retry_after_seconds ?? (retryable && (status === 503 || status === 429) ? RETRY_AFTER_SECONDS : undefined);
  const { code, detail, errors, legal_actions, current } = failure;
  const body: Problem = {
    type: problemType(code),
    title,
    status,
    detail,
    instance: c.req.path,
    code,
    request_id: c.get('requestId'),
    retryable,
    ...(retryAfter !== undefined && { retry_after_seconds: retryAfter }),
    ...(errors && { errors }),
    ...(legal_actions && { legal_actions }),
    ...(current !== undefined && { current }),
  };
  c.set('errorCode', code);
  if (retryAfter !== undefined) c.header('Retry-After', String(Math.ceil(retryAfter)));
  if (status === 401) c.header('WWW-Authenticate', 'Bearer');
  if (code === 'precondition_failed') c.header('ETag', etagOf((current as { version: number }).version));
  if (status === 426) c.header('Upgrade', 'websocket');
  return c.body(JSON.stringify(body), status as ContentfulStatusCode, { 'Content-Type': 'application/problem+json' });
}

/** Converts thrown errors to problems. For an unexpected error, the log gets all details and the caller gets none. */
export function problemsFromErrors(logger: Logger): ErrorHandler<AppEnv> {
  return (error, c) => {
    if (error instanceof Refusal) return problem(c, error.failure);
    if (error instanceof HTTPException) return problem(c, { code: codeOfStatus(error.status), detail: error.message });
    const request_id = c.get('requestId');
    if (error instanceof Unavailable) {
      logger('warn', 'unavailable', { request_id, ...errorFields(error) });
      return problem(c, { code: 'unavailable', detail: 'A dependency cannot be reached now. Try again later.' });
    }
    logger('error', 'unexpected_error', { request_id, ...errorFields(error) });
    return problem(c, {
      code: 'internal_error',
      detail: 'An internal error occurred. An operator can find the error in the log by its request id.',
    });
  };
}

/** The first code of the table with this status. */
export function codeOfStatus(status: number): ErrorCode {
  const found = Object.entries(ERROR_CODES).find(([, entry]) => entry.status === status);
  return (found?.[0] as ErrorCode | undefined) ?? 'internal_error';
}
