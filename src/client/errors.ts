import type { ErrorCode, Problem } from '../protocol/common/errors.ts';

/** The server answered, and the answer is an error: `problem` says which, and whether trying again may help. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiError';
    this.problem = problem;
  }

  get code(): ErrorCode {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }
}

/** No answer came: the network failed, or the deadline passed. Whether the request took effect is not known. */
export class ConnectionError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ConnectionError';
  }
}

/**
 * Reads an error answer. Something between us and the server may answer for it, without problem details: then the
 * status alone decides.
 */
export async function readProblem(response: Response): Promise<Problem> {
  const retryAfter = retryAfterSeconds(response.headers.get('retry-after'));
  const body: unknown = await response.json().catch(() => null);
  const problem = isProblem(body) ? body : problemOfStatus(response);
  return retryAfter === null ? problem : { ...problem, retry_after_seconds: retryAfter };
}

/** A problem that this side found: same shape, so that callers handle one. */
export function localProblem(code: ErrorCode, status: number, title: string, detail: string): Problem {
  return { type: 'about:blank', title, status, detail, instance: '', code, request_id: '', retryable: false };
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'status' in body && 'detail' in body;
}

function problemOfStatus(response: Response): Problem {
  const retryable = response.status === 429 || response.status >= 500;
  const title = response.statusText || `HTTP ${response.status}`;
  const detail = `The server answered ${response.status} without an explanation.`;
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

/** `Retry-After` as delay seconds (RFC 9110 §10.2.3); its date form is left out: clocks differ. */
function retryAfterSeconds(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header.trim()) ? Number(header) : null;
}
