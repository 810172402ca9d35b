import type { ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { errorFields, type Logger } from '../ports/logger.ts';
import { Unavailable } from '../ports/unavailable.ts';
import { ERROR_CODES, type ErrorCode, type Failure, type FieldError, type Problem } from '../protocol/common/errors.ts';
import type { AppContext, AppEnv } from './context.ts';
import { Refusal } from './refusal.ts';

const PROBLEM_TYPES = 'https://opencode-industrial-orchestrator.dev/problems/';
const RETRY_AFTER_SECONDS = 2;

/** Responds with problem details (RFC 9457). Status, title and `retryable` come from the table of error codes. */
export function problem(c: AppContext, failure: Failure): Response {
  const { status, title, retryable } = ERROR_CODES[failure.code];
  const retryAfter =
    failure.retry_after_seconds ?? (status === 503 || status === 429 ? RETRY_AFTER_SECONDS : undefined);
  const { code, detail, errors, legal_actions, current } = failure;
  const body: Problem = {
    type: PROBLEM_TYPES + code,
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

interface Issue {
  code?: string;
  path: PropertyKey[];
  message: string;
  keys?: string[];
  origin?: string;
  minimum?: number | bigint;
  maximum?: number | bigint;
  values?: unknown[];
}

/** One entry for each invalid member. An unknown member has an entry with its own path. */
export function fieldErrors(error: { issues: readonly Issue[] }): FieldError[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.keys
      ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'unknown member; remove it' }))
      : [{ path: issue.path.join('.'), message: sentence(issue) }],
  );
}

/** The message for an issue. A schema's own message is kept; zod's general messages become instructions. */
function sentence({ message, origin = '', minimum, maximum, values }: Issue): string {
  if (message.endsWith('received undefined')) return 'is missing';
  const types = /^Invalid input: expected (\w+), received (\w+)$/.exec(message);
  if (types) return `must be of type ${types[1]}, not ${types[2]}`;
  const unit = UNITS[origin];
  if (unit !== undefined && message.startsWith('Too small')) return `must have at least ${minimum}${unit}`;
  if (unit !== undefined && message.startsWith('Too big')) return `must have at most ${maximum}${unit}`;
  if (message.startsWith('Too small')) return `must be at least ${minimum}`;
  if (message.startsWith('Too big')) return `must be at most ${maximum}`;
  if (message.startsWith('Invalid option') && values) return `must be one of: ${values.join(', ')}`;
  return message;
}

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' items' };
