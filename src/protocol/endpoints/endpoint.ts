import * as z from 'zod';
import type { ErrorCode } from '../common/errors.ts';
import { LeaseText } from '../common/lease-text.ts';
import { JSON_TYPE, MERGE_PATCH_TYPE } from '../common/media-types.ts';
import { type Schema, schema } from '../common/schema.ts';
import type { OperationId, ParamNames, PathOf } from './routes.ts';

/** The types of the table of endpoints, and helpers for its entries. */

/** A permission. `src/domain/permissions.ts` says which roles have it. */
export type Permission =
  | 'read'
  | 'read_session'
  | 'read_artifact'
  | 'read_agent'
  | 'read_lock'
  | 'operate'
  | 'read_context'
  | 'write_context'
  | 'administer'
  | 'enrol'
  | 'work'
  | 'act'
  | 'lock'
  | 'open_socket';

/** A permission; `code`: the bearer is a sign-in code; `public`: no credential is needed. */
export type Access = Permission | 'code' | 'public';

/** A successful response. Without `schema`, `bytes` and `subprotocol`, it has no body. */
export interface ResponseSpec {
  description: string;
  /** A JSON body. */
  schema?: Schema;
  /** The body is bytes (`application/octet-stream`). */
  bytes?: true;
  /** The response is a WebSocket (101) with this subprotocol. */
  subprotocol?: string;
  /** Additional headers of this response, with their descriptions. */
  headers?: Readonly<Record<string, string>>;
  /** Like `headers`, but only some of these responses have them. */
  optionalHeaders?: Readonly<Record<string, string>>;
}

/** The sections of the reference. */
export const TAGS = {
  Sessions: 'Create, list, read, change and delete sessions, one or many at a time.',
  'Session actions': 'Start, steer and end sessions.',
  'Session work': 'The events, checkpoints, changes and approvals of a session.',
  Tasks: 'The tasks of a session: a graph that is done in its order, in parallel where it allows.',
  Contexts: 'Values that people and agents share, with versions, history and conflicts.',
  Templates: 'Templates, by which tasks are split into parts.',
  Agents: 'The fleet: register, read, change, drain and remove agents.',
  Leases: 'Reports of agents without sockets, under the leases that they hold.',
  Locks: 'Locks of the workspace, with a TTL, a queue and fencing tokens.',
  Tokens: 'The tokens of the workspace, and codes for signing in.',
  Sockets: 'WebSockets for watchers and agents, and tickets that open one from a browser.',
  System: 'Health and readiness.',
} as const;
export type Tag = keyof typeof TAGS;

export interface Endpoint<Id extends OperationId = OperationId> {
  tag: Tag;
  summary: string;
  access: Access;
  /** Accepts an `Idempotency-Key`. See `IdempotencyHeaders`. */
  idempotent?: true;
  params?: [ParamNames<PathOf<Id>>] extends [never]
    ? undefined
    : Schema<z.ZodObject<Record<ParamNames<PathOf<Id>>, z.ZodType>>>;
  query?: Schema;
  /** The JSON body of the request. An empty body is read as an object without members. */
  body?: Schema;
  /** The body may also be a merge patch. */
  mergeable?: true;
  /** Bodies of other media types, whose output the handler gets in place of the one of `body`. */
  otherBodies?: Readonly<Record<string, Schema>>;
  responses: Readonly<Record<number, ResponseSpec>>;
  /** The request can name the lease under which it is made (`LeaseHeaders`). */
  leased?: true;
  /** The error codes of this operation's own. `errorCodesOf` adds those that follow from its other members. */
  errors: readonly ErrorCode[];
}

/** Entries for some operations of the table. */
export type Endpoints<Id extends OperationId> = { readonly [Key in Id]: Endpoint<Key> };

/** The media types that an operation takes. */
export function bodyTypesOf({ mergeable, otherBodies = {} }: Pick<Endpoint, 'mergeable' | 'otherBodies'>): string[] {
  return [JSON_TYPE, ...(mergeable ? [MERGE_PATCH_TYPE] : []), ...Object.keys(otherBodies)];
}

/** The schema of a body of a media type; of any type that has none of its own, `body`. */
export function bodySchemaOf({ body, otherBodies }: Endpoint, type: string | undefined): Schema | undefined {
  return (type === undefined ? undefined : otherBodies?.[type]) ?? body;
}

/** A response with a JSON body. */
export function json<Body extends Schema>(schema: Body, description: string) {
  return { description, schema } as const;
}

/** A response with a page of a list. */
export function page<Body extends Schema>(schema: Body, description: string) {
  const optionalHeaders = { Link: 'The address of the next page, with `rel="next"`; absent on the last page.' };
  return { ...json(schema, description), optionalHeaders } as const;
}

/** The body of a request without members. */
export const NoMembers = schema(() =>
  z.strictObject({}).meta({ id: 'NoMembers', description: 'No members. The body may be empty.', example: {} }),
);

/**
 * The headers of every request that creates, changes or acts. Operations for tickets and sign-in codes accept no key: these are
 * only signed and not stored, so a surplus one does no harm. Neither do those of locks: an answer of the past would say
 * that its owner holds a lock that it has lost since.
 */
export const IdempotencyHeaders = schema(() =>
  z.object({
    'Idempotency-Key': z.string().min(1).max(200).optional().meta({
      description:
        'Makes a retry safe: for a day, a request of the same token with the same key and an equal body gets the first response again. Creating a session or a token again returns it as it is now.',
    }),
  }),
);

/** The name of the header with a lease. */
export const LEASE_HEADER = 'Oio-Lease';

/** The header of requests that an agent makes while it works. */
export const LeaseHeaders = schema(() =>
  z.object({
    [LEASE_HEADER]: LeaseText().optional().meta({
      description:
        'The lease under which an agent makes the request: `<task_id>/<epoch>`. With it, the agent reads and writes contexts of the session. If it has lost the lease, the request is refused with `stale_lease`, and changes nothing.',
    }),
  }),
);

/** `*`, or tags in quotes (RFC 9110 §13.1.1). */
const ENTITY_TAGS = /^\s*(?:\*|(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*)\s*$/;

/** The header of requests that change a session or a context. */
export const ConditionHeaders = schema(() =>
  z.object({
    'If-Match': z
      .string()
      .max(1_000)
      .regex(ENTITY_TAGS, { error: 'must be * or versions in quotes, such as "4"' })
      .optional()
      .meta({
        description:
          'The `ETag` of the session or context that the request is meant for: its version in quotes, such as `"4"`. If it has changed since, nothing happens. `*` is any version.',
      }),
  }),
);

/** A response with a session, whose `ETag` is its version. */
export function versioned<Body extends Schema>(schema: Body, description: string) {
  const headers = {
    ETag: 'The version of the session in quotes. It changes with the status and with what people change, not with progress.',
  };
  return { ...json(schema, description), headers } as const;
}

/** A query parameter that may be repeated, or contain several values separated by commas. */
export function repeated<Item extends z.ZodType>(item: Item, description: string) {
  const split = (value: unknown) =>
    value === undefined ? [] : [value].flat().flatMap((text) => String(text).split(','));
  const list: z.ZodType<z.output<Item>[], z.output<Item>[] | undefined> = z
    .preprocess<unknown, z.ZodArray<Item>, z.output<Item>[] | undefined>(split, z.array(item))
    .meta({ description });
  return list;
}
