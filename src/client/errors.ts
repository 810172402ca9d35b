import type { ErrorCode, Problem } from '../protocol/common/errors.ts';

/**
 * The server responded with an error. `problem` has its details, and says whether a retry may help.
 *
 * ```ts
 * try {
 *   await client.sessions.act(id, 'start');
 * } catch (error) {
 *   if (error instanceof ApiError && error.code === 'illegal_transition') console.log(error.problem.legal_actions);
 *   else throw error;
 * }
 * ```
 */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiError';
    this.problem = problem;
  }

  /** The error code, which stays the same between versions of the server. */
  get code(): ErrorCode {
    return this.problem.code;
  }

  /** The HTTP status. */
  get status(): number {
    return this.problem.status;
  }
}

/** Whether a retry would get the same error. */
export function isFinal(error: ApiError): boolean {
  return error.status < 500 && error.status !== 429;
}

/**
 * No response arrived: the network failed or the deadline passed. The request may or may not have taken effect. To find
 * out, repeat it with the same `idempotencyKey`.
 */
export class ConnectionError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ConnectionError';
  }
}

/**
 * Reads an error response. If it has no problem details, because a proxy responded in place of the server, the problem
 * derives from the HTTP status.
 */
export async function readProblem(response: Response): Promise<Problem> {
  const retryAfter = retryAfterSeconds(response.headers.get('retry-after'));
  const body: unknown = await response.json().catch(() => null);
  const problem = isProblem(body) ? body : problemOfStatus(response);
  return retryAfter === null ? problem : { ...problem, retry_after_seconds: retryAfter };
}

/** A problem that the client itself found, in the same shape as the server's. */
export function localProblem(code: ErrorCode, status: number, title: string, detail: string): Problem {
  return { type: 'about:blank', title, status, detail, instance: '', code, request_id: '', retryable: false };
}

/** Whether a JSON body is an error of the control plane (RFC 9457), and not the response of another server. */
export function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'status' in body && 'detail' in body;
}

function problemOfStatus(response: Response): Problem {
  const retryable = response.status === 429 || response.status >= 500;
  const title = response.statusText || `HTTP ${response.status}`;
  const detail = `The server responded with HTTP ${response.status} and without details.`;
  return { ...localProblem(codeOfStatus(response.status), response.status, title, detail), retryable };
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not_found';
  if (status === 413) return 'payload_too_large';
  if (status === 429) return 'too_many_requests';
  if (status < 500) return 'malformed_request';
  return status === 500 ? 'internal_error' : 'unavailable';
}

/** Parses `Retry-After` as delay seconds (RFC 9110 §10.2.3). Its date form is ignored, because clocks differ. */
function retryAfterSeconds(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header.trim()) ? Number(header) : null;
}
