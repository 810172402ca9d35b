import * as z from 'zod';
import { type Infer, schema } from './schema.ts';

/**
 * The error codes, each with its HTTP status, its title, and whether the same request may succeed later. Every error
 * that leaves the system, over REST or a socket, has one of these codes.
 */
export const ERROR_CODES = {
  malformed_request: { status: 400, title: 'The request cannot be parsed', retryable: false },
  unauthorized: { status: 401, title: 'A valid token is required', retryable: false },
  forbidden: { status: 403, title: 'The token does not allow this', retryable: false },
  not_found: { status: 404, title: 'The resource does not exist', retryable: false },
  method_not_allowed: { status: 405, title: 'The path does not allow this method', retryable: false },
  illegal_transition: { status: 409, title: 'The current status does not allow this', retryable: false },
  approval_answered: { status: 409, title: 'The approval was already answered', retryable: false },
  no_running_agent: { status: 409, title: 'No agent is running the session', retryable: true },
  payload_too_large: { status: 413, title: 'The body is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body must be JSON', retryable: false },
  validation_failed: { status: 422, title: 'The request is invalid', retryable: false },
  idempotency_mismatch: { status: 422, title: 'The idempotency key belongs to another body', retryable: false },
  upgrade_required: { status: 426, title: 'The path requires a WebSocket', retryable: false },
  too_many_requests: { status: 429, title: 'A limit was reached', retryable: true },
  internal_error: { status: 500, title: 'An internal error occurred', retryable: true },
  unavailable: { status: 503, title: 'A dependency cannot be reached', retryable: true },
  misconfigured: { status: 503, title: 'The deployment has an invalid setting', retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export const FieldError = schema(() =>
  z.object({ path: z.string(), message: z.string() }).meta({
    id: 'FieldError',
    description: 'One invalid member of a request.',
    example: { path: 'title', message: 'must have at least 3 characters' },
  }),
);
export type FieldError = Infer<typeof FieldError>;

/** Problem details (RFC 9457) with extension members. */
export const Problem = schema(() =>
  z
    .object({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      instance: z.string(),
      code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
      request_id: z.string(),
      retryable: z.boolean(),
      retry_after_seconds: z.number().optional(),
      errors: z.array(FieldError()).optional(),
      legal_actions: z.array(z.string()).optional(),
      current: z.unknown().optional(),
    })
    .meta({
      id: 'Problem',
      description: 'An error (RFC 9457).',
      example: {
        type: 'https://opencode-industrial-orchestrator.dev/problems/illegal_transition',
        title: 'The current status does not allow this',
        status: 409,
        detail: "The session is completed, so 'start' is not possible. No action is possible.",
        instance: '/api/v1/sessions/0198c2f0-1a2b-8c3d-9e4f-5a6b00000000/start',
        code: 'illegal_transition',
        request_id: '7f9d3c5e-0f5e-4a53-8a0e-2f6f1f6f7a10',
        retryable: false,
        legal_actions: [],
      },
    }),
);
export type Problem = Infer<typeof Problem>;

/** An expected error, which objects and use cases return as a value. Only bugs are thrown. */
export interface Failure {
  code: ErrorCode;
  /** One sentence that tells the caller how to fix the request. */
  detail: string;
  errors?: FieldError[];
  legal_actions?: string[];
  /** The current value, if that helps the caller: for example, the first answer to an approval. */
  current?: unknown;
  retry_after_seconds?: number;
}

export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure };

export function ok<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refuse(code: ErrorCode, detail: string, more: Omit<Failure, 'code' | 'detail'> = {}): Outcome<never> {
  return { ok: false, failure: { code, detail, ...more } };
}
