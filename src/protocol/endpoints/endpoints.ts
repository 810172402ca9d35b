import type * as z from 'zod';
import type { ErrorCode } from '../common/errors.ts';
import type { Infer, Schema } from '../common/schema.ts';
import { AGENT_ENDPOINTS } from './agents.ts';
import { CONTEXT_ENDPOINTS } from './contexts.ts';
import type { Access, Endpoint, Endpoints, Permission } from './endpoint.ts';
import { LEASE_ENDPOINTS } from './leases.ts';
import { LOCK_ENDPOINTS } from './locks.ts';
import { matchPath, type OperationId, ROUTES } from './routes.ts';
import { SESSION_ACTION_ENDPOINTS } from './session-actions.ts';
import { SESSION_WORK_ENDPOINTS } from './session-work.ts';
import { SESSION_ENDPOINTS } from './sessions.ts';
import { SOCKET_ENDPOINTS } from './sockets.ts';
import { SYSTEM_ENDPOINTS } from './system.ts';
import { TASK_ENDPOINTS } from './tasks.ts';
import { TEMPLATE_ENDPOINTS } from './templates.ts';
import { TOKEN_ENDPOINTS } from './tokens.ts';

/**
 * The table of endpoints: for each operation, who may call it, its request and its responses. `ROUTES` has method and
 * path under the same keys. The HTTP routes, the typed client, the API description and the test of the role matrix
 * derive from both.
 */
export const ENDPOINTS = {
  ...SESSION_ENDPOINTS,
  ...SESSION_ACTION_ENDPOINTS,
  ...SESSION_WORK_ENDPOINTS,
  ...TASK_ENDPOINTS,
  ...CONTEXT_ENDPOINTS,
  ...TEMPLATE_ENDPOINTS,
  ...AGENT_ENDPOINTS,
  ...LEASE_ENDPOINTS,
  ...LOCK_ENDPOINTS,
  ...TOKEN_ENDPOINTS,
  ...SOCKET_ENDPOINTS,
  ...SYSTEM_ENDPOINTS,
} as const satisfies Endpoints<OperationId>;

type Table = typeof ENDPOINTS;
type SpecOf<Id extends OperationId, Status extends keyof Table[Id]['responses']> = Table[Id]['responses'][Status];

/** The entry of any operation, for code that iterates over the table. */
export function endpointOf(id: OperationId): Endpoint {
  return ENDPOINTS[id] as Endpoint;
}

/** The ids of all operations, in the table's order. */
export const OPERATION_IDS = Object.keys(ENDPOINTS) as OperationId[];

/** The schema of a part of an operation's request; never if it has none. */
export type SchemaOf<Id extends OperationId, Part extends 'params' | 'query' | 'body'> = Table[Id] extends {
  readonly [Key in Part]: infer Declared extends Schema;
}
  ? ReturnType<Declared>
  : never;

/** The output of the schemas of an operation's bodies of other media types. */
export type OtherBodyOf<Id extends OperationId> = Table[Id] extends {
  readonly otherBodies: Readonly<Record<string, infer Declared extends Schema>>;
}
  ? Infer<Declared>
  : never;

/** The parameters of a path, as the schema of its operation reads them; null when the path is not this operation's. */
export function paramsIn<Id extends OperationId>(id: Id, path: string): z.output<SchemaOf<Id, 'params'>> | null {
  const found = matchPath(id, path);
  return (
    found && ((endpointOf(id).params?.().safeParse(found).data ?? null) as z.output<SchemaOf<Id, 'params'>> | null)
  );
}

/** The statuses of an operation's successful responses. */
export type StatusOf<Id extends OperationId> = keyof Table[Id]['responses'];

/** The body of a successful response: its schema's output, a stream of bytes, or null. */
export type BodyOf<Id extends OperationId, Status extends StatusOf<Id> = StatusOf<Id>> =
  SpecOf<Id, Status> extends { schema: infer Declared extends Schema }
    ? Infer<Declared>
    : SpecOf<Id, Status> extends { bytes: true }
      ? ReadableStream<Uint8Array>
      : null;

/** Whether an operation needs a token, so that its handler gets a principal. */
export type NeedsToken<Id extends OperationId> = Table[Id]['access'] extends Permission ? true : false;

export function permissionOf(access: Access): Permission | null {
  return access === 'code' || access === 'public' ? null : access;
}

/** Whether an operation changes a session or a context, and so can depend on its version (`If-Match`). */
export function isConditional(id: OperationId): boolean {
  return changes(id, 'readSession') || changes(id, 'readContext');
}

function changes(id: OperationId, subject: 'readSession' | 'readContext'): boolean {
  const { method, path } = ROUTES[id];
  return method !== 'GET' && path.startsWith(ROUTES[subject].path);
}

/** All error codes of an operation, including those that follow from its access, its request and its responses. */
export function errorCodesOf(id: OperationId): ErrorCode[] {
  const { access, idempotent, leased, params, query, body, responses, errors } = endpointOf(id);
  const isSocket = Object.values(responses).some(({ subprotocol }) => subprotocol !== undefined);
  const codes: ErrorCode[] = [...errors, 'internal_error', 'misconfigured'];
  if (access !== 'public') codes.push('unauthorized', 'unavailable');
  if (permissionOf(access) !== null) codes.push('forbidden');
  if (params || query || body || idempotent) codes.push('validation_failed');
  if (body) codes.push('malformed_request', 'payload_too_large', 'unsupported_media_type');
  if (idempotent) codes.push('idempotency_mismatch');
  if (changes(id, 'readSession')) codes.push('precondition_failed');
  if (leased) codes.push('not_found', 'stale_lease', 'context_scope_mismatch');
  if (isSocket) codes.push('malformed_request', 'upgrade_required');
  return [...new Set(codes)];
}
