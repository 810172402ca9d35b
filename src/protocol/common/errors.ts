import * as z from 'zod';
import { type Infer, schema } from './schema.ts';

interface ErrorKind {
  status: number;
  title: string;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  /** When this code is the answer. */
  meaning: string;
  /** What the caller does then. */
  remedy: string;
}

/**
 * The catalogue of errors. Every error that leaves the system, over REST or a socket, has one of these codes. The
 * problem's `type` is the path of a page with the code's entry; `docs/API.md` has a table of all.
 */
export const ERROR_CODES = {
  malformed_request: {
    status: 400,
    title: 'The request cannot be parsed',
    retryable: false,
    meaning: 'The body is not JSON in UTF-8, it is nested too deeply, or it broke off.',
    remedy: 'Send one JSON value as UTF-8. `detail` says what is wrong.',
  },
  unauthorized: {
    status: 401,
    title: 'A valid token is required',
    retryable: false,
    meaning: 'The request has no credential, or it is invalid, has expired, was used, or was revoked.',
    remedy: 'Send `Authorization: Bearer <token>` with a valid token. An admin can create one.',
  },
  forbidden: {
    status: 403,
    title: 'The token does not allow this',
    retryable: false,
    meaning: 'The token is valid, but its role may not do this.',
    remedy: 'Use a token of one of the roles that the reference names for the operation.',
  },
  not_found: {
    status: 404,
    title: 'The resource does not exist',
    retryable: false,
    meaning: 'There is no such path, or no such resource in the workspace of the token, or it was deleted.',
    remedy: 'Compare the path with the reference, and the id with the list. Ids of other workspaces are not found.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The path does not allow this method',
    retryable: false,
    meaning: 'The path exists, but not with this method.',
    remedy: 'Use a method that the header `Allow` names.',
  },
  illegal_transition: {
    status: 409,
    title: 'The current status does not allow this',
    retryable: false,
    meaning: 'The status of the session or of the task does not allow the action.',
    remedy: 'Read it again: its status may have changed. For a session, choose one of `legal_actions`.',
  },
  stale_graph: {
    status: 409,
    title: 'The graph has changed',
    retryable: false,
    meaning: 'The request names a `graph_version`, and the graph of the session has another one by now.',
    remedy: 'Read the graph again, and send the request with the version that it has. `current` has it too.',
  },
  has_dependents: {
    status: 409,
    title: 'Other tasks depend on the task',
    retryable: false,
    meaning: 'The task cannot be removed alone, because others wait for it.',
    remedy: 'Remove them too, with `cascade=true`, or take their dependencies away first. `current` names them.',
  },
  dependency_cycle: {
    status: 409,
    title: 'The tasks would wait for each other',
    retryable: false,
    meaning: 'With this change, some tasks would come before themselves, by dependencies or as parts of others.',
    remedy: 'Leave one of the dependencies out. `current` has the tasks on the cycle in their order.',
  },
  approval_answered: {
    status: 409,
    title: 'The approval was already answered',
    retryable: false,
    meaning: 'Somebody else answered first, or the approval has expired or was withdrawn.',
    remedy: 'Nothing is left to do. `current` has the answer that counts.',
  },
  no_running_agent: {
    status: 409,
    title: 'No agent is running the session',
    retryable: true,
    meaning: 'The action needs an agent at work, and the session has none now.',
    remedy: 'Wait until the session is `running`, and send the request again.',
  },
  not_deliverable: {
    status: 409,
    title: 'The work cannot be delivered now',
    retryable: true,
    meaning: 'The session has no work, not all of it is stored, or another delivery of it is under way.',
    remedy: '`detail` says which. Wait for the other delivery, or retry the session.',
  },
  nothing_to_rate: {
    status: 409,
    title: 'No work is finished that could be rated',
    retryable: true,
    meaning: 'No agent has finished work on the task yet.',
    remedy: 'Wait until an agent has, and send the request again.',
  },
  context_not_found: {
    status: 404,
    title: 'The context does not exist',
    retryable: false,
    meaning: 'There is no such context in the workspace of the token, or it was deleted.',
    remedy: 'Compare the id with the list of contexts. Ids of other workspaces are not found.',
  },
  context_exists: {
    status: 409,
    title: 'The context exists',
    retryable: false,
    meaning: 'The owner has a context with this name already.',
    remedy: 'Change that one, whose id and version `current` has, or choose another name.',
  },
  context_scope_mismatch: {
    status: 403,
    title: 'The context is out of scope',
    retryable: false,
    meaning:
      'The context belongs to another session, another agent or the workspace than the request may reach, or its scope does not allow this.',
    remedy:
      '`detail` says to whom it belongs, and what to do: name a lease of its session, or ask a person to promote or share it.',
  },
  context_conflict: {
    status: 409,
    title: 'The context has changed',
    retryable: true,
    meaning: 'The request names a version of the context, and the context has another one by now.',
    remedy:
      'If `current.can_merge`, and so `retryable`, is true, send it again with `current.version`. Otherwise decide between the values in `current.keys`.',
  },
  lock_held: {
    status: 409,
    title: 'Somebody else holds the lock',
    retryable: true,
    meaning: 'The lock is held, or it is the turn of somebody who has waited longer. The request did not wait.',
    remedy: 'Send it again with `wait_seconds`, to wait in the queue. `current` has the holder and the waiters.',
  },
  lock_lost: {
    status: 409,
    title: 'The lock is not held with this fencing token',
    retryable: false,
    meaning: 'The lock was released or has expired, somebody else may hold it by now, or another token acquired it.',
    remedy: 'Stop what the lock protects, and acquire it again. After a release, nothing is left to do.',
  },
  name_taken: {
    status: 409,
    title: 'The name is taken',
    retryable: false,
    meaning: 'The workspace has another agent with this name.',
    remedy:
      'Choose another name, or remove the other agent. An agent that registers again sends the secret of its first registration.',
  },
  no_capable_agent: {
    status: 409,
    title: 'No agent can do the task',
    retryable: false,
    meaning: 'No registered agent has everything that the task requires.',
    remedy: 'Register an agent with what `detail` names, or require less.',
  },
  no_agent_available: {
    status: 409,
    title: 'No agent is available',
    retryable: true,
    meaning: 'Agents that could do the task are at work, away, draining or paused.',
    remedy: 'Wait until one is available. `detail` says what they do.',
  },
  agent_leaving: {
    status: 409,
    title: 'The agent is leaving',
    retryable: false,
    meaning: 'The agent was deleted, and finishes its last work before it is removed.',
    remedy: 'Wait until it is removed, and register it again.',
  },
  agent_connected: {
    status: 409,
    title: 'The agent is connected over a socket',
    retryable: true,
    meaning: 'The agent has an open control socket, or had one less than a minute ago.',
    remedy: 'Use one transport at a time: close the socket, or take work from it.',
  },
  stale_lease: {
    status: 409,
    title: 'The lease has ended',
    retryable: false,
    meaning: 'The lease of this epoch was taken from the agent or has ended. Its reports change nothing.',
    remedy: 'Stop the work, and claim again. Another agent may have the task by now.',
  },
  report_missing: {
    status: 409,
    title: 'Reports are missing',
    retryable: false,
    meaning: 'The numbers of the reports have a gap.',
    remedy: 'Send again from the number that `current.expected` has.',
  },
  result_differs: {
    status: 409,
    title: 'Another result was reported before',
    retryable: false,
    meaning: 'The lease has ended with another result.',
    remedy: 'Nothing is left to do. The first result counts.',
  },
  lease_gone: {
    status: 410,
    title: 'Another agent has the task',
    retryable: false,
    meaning: 'Another agent that was offered the task was first, or the offer was withdrawn.',
    remedy: 'Do not work on it. Claim again.',
  },
  precondition_failed: {
    status: 412,
    title: 'The session has changed',
    retryable: false,
    meaning: 'The request has an `If-Match` header, and the session has another version by now.',
    remedy: 'Read the session again, decide whether the change is still right, and send it with the new `ETag`.',
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    retryable: false,
    meaning: 'The body is longer than any request may be.',
    remedy: 'Send less. Put long material into the repository, where the agent can read it.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body has the wrong media type',
    retryable: false,
    meaning: 'The operation does not take this `Content-Type`.',
    remedy: 'Send the body as one of the media types that `detail` names.',
  },
  validation_failed: {
    status: 422,
    title: 'The request is invalid',
    retryable: false,
    meaning: 'A parameter, a header or a member of the body is missing, unknown, or out of its bounds.',
    remedy: '`errors` names each one by its path, and says what it must be.',
  },
  idempotency_mismatch: {
    status: 422,
    title: 'The idempotency key belongs to another body',
    retryable: false,
    meaning: 'The same token has used this `Idempotency-Key` for another request within a day.',
    remedy: 'Send the first body again for its answer, or use a new key for a new request.',
  },
  upgrade_required: {
    status: 426,
    title: 'The path requires a WebSocket',
    retryable: false,
    meaning: 'The path is a socket, and the request is no WebSocket upgrade.',
    remedy: 'Open it as a WebSocket with the subprotocol `oio.v1`.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too much is waiting',
    retryable: true,
    meaning: 'The session has as many waiting messages or watchers, or the lock as many waiters, as it may have.',
    remedy: 'Wait until some are gone, and send the request again.',
  },
  limit_reached: {
    status: 429,
    title: 'A limit was reached',
    retryable: false,
    meaning:
      'The workspace has as many agents, tokens, sign-ins or revoked tokens, or the context as many conflicts or links, as it may have.',
    remedy:
      '`detail` names the limit. Revoke tokens or sign-ins that are not needed. A revoked token counts until it expires; only waiting ends that.',
  },
  internal_error: {
    status: 500,
    title: 'An internal error occurred',
    retryable: true,
    meaning: 'The control plane has a bug, or was interrupted. The request may have taken effect.',
    remedy:
      'Send it again with the same `Idempotency-Key`. Tell an operator the `request_id`, by which the log has the cause.',
  },
  unavailable: {
    status: 503,
    title: 'A dependency cannot be reached',
    retryable: true,
    meaning: 'A part of the control plane does not answer now. The request may have taken effect.',
    remedy: 'Send it again after `Retry-After`, with the same `Idempotency-Key`.',
  },
  misconfigured: {
    status: 503,
    title: 'The deployment has an invalid setting',
    retryable: true,
    meaning: 'A variable of the deployment is invalid, so it answers no request.',
    remedy: 'Its operator corrects the variable that `detail` names.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The pages of the catalogue, on the control plane itself. */
export const PROBLEM_TYPES = '/problems';

/** The `type` of a problem: the same on every deployment, and the path of a page that explains it. */
export function problemType(code: ErrorCode): string {
  return `${PROBLEM_TYPES}/${code}`;
}

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
        type: '/problems/illegal_transition',
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
  /** Whether the same request may succeed later, if that is not as of all errors with the code. */
  retryable?: boolean;
}

export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure };

export function ok<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refuse(code: ErrorCode, detail: string, more: Omit<Failure, 'code' | 'detail'> = {}): Outcome<never> {
  return { ok: false, failure: { code, detail, ...more } };
}
