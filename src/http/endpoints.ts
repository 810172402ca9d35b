import type { Hono } from 'hono';
import type { ContentfulStatusCode, StatusCode } from 'hono/utils/http-status';
import type * as z from 'zod';
import { authorize } from '../application/authorize.ts';
import type { Call } from '../ports/calls.ts';
import type { JsonStream, JsonText } from '../ports/json-text.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import { mediaTypeIn } from '../protocol/common/media-types.ts';
import type { Schema } from '../protocol/common/schema.ts';
import {
  bodySchemaOf,
  bodyTypesOf,
  ConditionHeaders,
  type Endpoint,
  IdempotencyHeaders,
  LEASE_HEADER,
  LeaseHeaders,
} from '../protocol/endpoints/endpoint.ts';
import {
  type BodyOf,
  endpointOf,
  isConditional,
  type NeedsToken,
  OPERATION_IDS,
  type OtherBodyOf,
  permissionOf,
  type SchemaOf,
  type StatusOf,
} from '../protocol/endpoints/endpoints.ts';
import { type OperationId, ROUTES } from '../protocol/endpoints/routes.ts';
import { callOf } from './call.ts';
import type { AppContext, AppEnv } from './context.ts';
import { etagOf, expectedVersions } from './etag.ts';
import { fieldErrors } from './field-errors.ts';
import { readJson } from './json-body.ts';
import { linkAfter } from './next-page.ts';
import { refusal, unwrap } from './refusal.ts';

type Parsed<Type> = [Type] extends [never] ? undefined : Type extends z.ZodType ? z.output<Type> : never;
type IsUnion<T, All = T> = T extends unknown ? ([All] extends [T] ? false : true) : never;

/** A parsed request to an operation. */
export interface RequestTo<Id extends OperationId> {
  params: Parsed<SchemaOf<Id, 'params'>>;
  query: Parsed<SchemaOf<Id, 'query'>>;
  body: Parsed<SchemaOf<Id, 'body'>> | OtherBodyOf<Id>;
  /** Null if the operation needs no token. */
  call: NeedsToken<Id> extends true ? Call : null;
}

/**
 * The result of a successful operation: the response that holds the opened socket; or the body; or status and body, if
 * the table has several successful statuses.
 */
export type ReplyOf<Id extends OperationId> =
  101 extends StatusOf<Id>
    ? Response
    : IsUnion<StatusOf<Id>> extends true
      ? { [Status in StatusOf<Id>]: { status: Status; body: BodyOf<Id, Status> } }[StatusOf<Id>]
      : BodyOf<Id>;

/** Performs an operation. A body may also be returned as JSON: as text if an object has
 * already serialized it, or as a stream if it is long. */
export type Handler<Id extends OperationId> = (
  request: RequestTo<Id>,
  c: AppContext,
) => Promise<Outcome<ReplyOf<Id> | JsonText<ReplyOf<Id>> | JsonStream<ReplyOf<Id>>>>;

/** A handler for each operation. A missing handler or a wrong result type does not compile. */
export type Handlers = { [Id in OperationId]: Handler<Id> };

/** Handlers of some operations. */
export type SomeHandlers = Partial<Handlers>;

/** Adds a route for each operation of the table. A request passes these steps: role → body → schemas → handler. */
export function mount(app: Hono<AppEnv>, handlers: Handlers): void {
  for (const id of OPERATION_IDS) {
    const { method, path } = ROUTES[id];
    const handler = handlers[id] as unknown as LooseHandler;
    app.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), handling(endpointOf(id), handler, isConditional(id)));
  }
}

/** The type of all handlers together. `Handlers` has checked each one against the table. */
type LooseHandler = (
  request: Record<keyof RequestTo<OperationId>, unknown>,
  c: AppContext,
) => Promise<Outcome<unknown>>;

function handling(endpoint: Endpoint, handler: LooseHandler, conditional: boolean) {
  const permission = permissionOf(endpoint.access);
  return async function handle(c: AppContext): Promise<Response> {
    if (permission) unwrap(authorize(c.get('principal'), permission));
    const json = endpoint.body && (await readJson(c, bodyTypesOf(endpoint)));
    const params = endpoint.params && parsePart(endpoint.params, 'path', paramsOf(c));
    const query = endpoint.query && parsePart(endpoint.query, 'query', queryOf(c));
    if (endpoint.idempotent)
      parsePart(IdempotencyHeaders, 'header', { 'Idempotency-Key': c.req.header('Idempotency-Key') });
    const schema = bodySchemaOf(endpoint, mediaTypeIn(c.req.header('Content-Type')));
    const body = schema && parsePart(schema, 'body', json);
    if (conditional) parsePart(ConditionHeaders, 'header', { 'If-Match': c.req.header('If-Match') });
    if (endpoint.leased) parsePart(LeaseHeaders, 'header', { [LEASE_HEADER]: c.req.header(LEASE_HEADER) });
    const call = permission
      ? { ...(await callOf(c, json)), ...(conditional && { if_match: expectedVersions(c) }) }
      : null;
    return respond(c, endpoint, unwrap(await handler({ params, query, body, call }, c)));
  };
}

/** Validates a part of the request. @throws Refusal `validation_failed`, with an entry for each invalid member */
function parsePart(schema: Schema, part: string, value: unknown): unknown {
  const parsed = schema().safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error, value);
  const { path, message } = errors[0]!;
  const more = errors.length === 1 ? '' : ` The errors name ${errors.length - 1} more.`;
  throw refusal('validation_failed', `The ${part} is invalid: ${`${path} ${message}`.trim()}.${more}`, { errors });
}

/** The path's parameters, decoded. The router takes what it cannot decode as it is. */
function paramsOf(c: AppContext): Record<string, string> {
  try {
    decodeURIComponent(new URL(c.req.url).pathname);
  } catch {
    const message = 'has a % that begins no UTF-8 character; encode a % as %25';
    throw refusal('validation_failed', `The path is invalid: it ${message}.`, { errors: [{ path: '', message }] });
  }
  return c.req.param();
}

/** The query's parameters. A repeated parameter becomes a list. */
function queryOf(c: AppContext): Record<string, string | string[]> {
  const entries = Object.entries(c.req.queries());
  return Object.fromEntries(entries.map(([name, values]) => [name, values.length === 1 ? values[0]! : values]));
}

function respond(c: AppContext, { responses }: Endpoint, reply: unknown): Response {
  const statuses = Object.keys(responses).map(Number);
  if (statuses.length > 1) {
    const { status, body } = reply as { status: ContentfulStatusCode; body: object };
    return c.json(body, status);
  }
  const status = statuses[0]!;
  const { schema, bytes, subprotocol, headers, optionalHeaders } = responses[status]!;
  if (subprotocol !== undefined) return reply as Response;
  if (schema && (typeof reply === 'string' || reply instanceof ReadableStream)) {
    return c.body(reply, status as ContentfulStatusCode, { 'Content-Type': 'application/json' });
  }
  if (headers?.ETag) c.header('ETag', etagOf((reply as { version: number }).version));
  if (optionalHeaders?.Link) linkAfter(c, reply as Parameters<typeof linkAfter>[1]);
  if (schema) return c.json(reply as object, status as ContentfulStatusCode);
  if (!bytes) return c.body(null, status as StatusCode);
  return c.body(reply as ReadableStream<Uint8Array>, status as ContentfulStatusCode, {
    'Content-Type': 'application/octet-stream',
  });
}
