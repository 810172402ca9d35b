import * as z from 'zod';
import { rolesWith } from '../application/authorize.ts';
import { VERSION } from '../configuration/version.ts';
import { ERROR_CODES, type ErrorCode, Problem } from '../protocol/common/errors.ts';
import { type Endpoint, IdempotencyHeaders, type ResponseSpec } from '../protocol/endpoints/endpoint.ts';
import { endpointOf, errorCodesOf, OPERATION_IDS, permissionOf } from '../protocol/endpoints/endpoints.ts';
import { type OperationId, ROUTES } from '../protocol/endpoints/routes.ts';

const INFO = {
  title: 'OpenCode Industrial Orchestrator',
  version: VERSION,
  description:
    'A control plane for fleets of OpenCode coding agents: sessions, their event logs, approvals and checkpoints. ' +
    'Errors are problem details (RFC 9457). All routes except health, readiness and this description need a bearer token.',
};

/** An OpenAPI 3.1 document; only the members that are used here. */
export interface ApiDocument {
  openapi: string;
  info: typeof INFO;
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, JsonSchema>;
    headers: Record<string, Header>;
    securitySchemes: Record<string, unknown>;
  };
  security: Record<string, string[]>[];
}

export interface Operation {
  operationId: OperationId;
  tags: string[];
  summary: string;
  /** The roles that may call the operation. */
  'x-roles'?: readonly string[];
  security?: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, Response>;
}

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

interface Response {
  description: string;
  headers?: Record<string, Header | { $ref: string }>;
  content?: Record<string, { schema: JsonSchema }>;
}

interface Header {
  description: string;
  schema: JsonSchema;
}

export type JsonSchema = { $ref?: string; description?: string; example?: unknown } & Record<string, unknown>;

const COMPONENTS = '#/components/schemas/';
const HEADERS = '#/components/headers/';

/** Headers of responses that depend only on the status. */
const HEADERS_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'WWW-Authenticate',
  426: 'Upgrade',
  429: 'Retry-After',
  503: 'Retry-After',
};

const COMMON_HEADERS: Record<string, Header> = {
  'X-Request-ID': header(
    'The id of the request, which is also in the log: the caller’s id if acceptable, or else a new one.',
  ),
  'Retry-After': {
    description: 'The number of seconds to wait before a retry.',
    schema: { type: 'integer', minimum: 0 },
  },
  'WWW-Authenticate': header('The required kind of credential.'),
  Upgrade: header('The required protocol.'),
};

/** Describes the API from the table of endpoints. zod converts the schemas to JSON Schema. */
export function describeApi(): ApiDocument {
  const paths: ApiDocument['paths'] = {};
  for (const id of OPERATION_IDS) {
    const { method, path } = ROUTES[id];
    paths[path] = { ...paths[path], [method.toLowerCase()]: describeOperation(id) };
  }
  const securitySchemes = { bearer: { type: 'http', scheme: 'bearer', description: 'A token of the workspace.' } };
  const components = { schemas: schemasNamedIn(paths), headers: COMMON_HEADERS, securitySchemes };
  return { openapi: '3.1.0', info: INFO, security: [{ bearer: [] }], paths, components };
}

function describeOperation(id: OperationId): Operation {
  const endpoint = endpointOf(id);
  const permission = permissionOf(endpoint.access);
  const parameters = parametersOf(endpoint);
  return {
    operationId: id,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    ...(permission && { 'x-roles': rolesWith(permission) }),
    ...(endpoint.access === 'public' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(endpoint.body && { requestBody: requestBody(endpoint.body()) }),
    responses: { ...successes(endpoint), ...refusals(id) },
  };
}

function parametersOf({ params, query, idempotent }: Endpoint): Parameter[] {
  return [
    ...parametersIn('path', params?.()),
    ...parametersIn('query', query?.() as z.ZodObject | undefined),
    ...parametersIn('header', idempotent && IdempotencyHeaders()),
  ];
}

function parametersIn(place: string, object: z.ZodObject | undefined): Parameter[] {
  const members = Object.entries((object?.shape ?? {}) as Record<string, z.ZodType>);
  return members.map(([name, member]) => {
    const schema = schemaOf(member);
    const { description } = (member instanceof z.ZodOptional ? (member.unwrap() as z.ZodType) : member).meta() ?? {};
    const required = place === 'path' || !member.safeParse(undefined).success;
    return { name, in: place, required, ...(description !== undefined && { description }), schema };
  });
}

function requestBody(schema: z.ZodType): NonNullable<Operation['requestBody']> {
  // An empty body is read as an object without members.
  const required = !schema.safeParse({}).success;
  return { required, content: { 'application/json': { schema: schemaOf(schema) } } };
}

function successes({ responses }: Endpoint): Operation['responses'] {
  return Object.fromEntries(
    Object.entries(responses).map(([status, spec]) => [status, success(Number(status), spec)] as const),
  );
}

function success(status: number, { description, schema, bytes, headers = {} }: ResponseSpec): Response {
  const own = Object.entries(headers).map(([name, meaning]) => [name, header(meaning)] as const);
  // The response to an upgrade has none of the common headers.
  const all = status === 101 ? {} : { ...Object.fromEntries(own), ...referredHeaders('X-Request-ID') };
  return {
    description,
    ...(status !== 101 && { headers: all }),
    ...(schema && { content: { 'application/json': { schema: schemaOf(schema()) } } }),
    ...(bytes && { content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } }),
  };
}

/** A response for each status with which an operation refuses, with the codes that it can have. */
function refusals(id: OperationId): Operation['responses'] {
  const { responses } = endpointOf(id);
  const byStatus = Object.groupBy(errorCodesOf(id), (code) => ERROR_CODES[code].status);
  return Object.fromEntries(
    Object.entries(byStatus)
      .filter(([status]) => !(Number(status) in responses))
      .map(([status, codes]) => [status, refusal(Number(status), codes!)]),
  );
}

function refusal(status: number, codes: readonly ErrorCode[]): Response {
  const own = HEADERS_OF_STATUS[status];
  const schema = { ...schemaOf(Problem()), properties: { code: { enum: codes } } };
  return {
    description: codes.map((code) => `${code}: ${ERROR_CODES[code].title}.`).join(' '),
    headers: referredHeaders('X-Request-ID', ...(own === undefined ? [] : [own])),
    content: { 'application/problem+json': { schema } },
  };
}

function header(description: string): Header {
  return { description, schema: { type: 'string' } };
}

function referredHeaders(...names: string[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: HEADERS + name }]));
}

/** A reference for a named schema; any other schema is inlined. */
function schemaOf(schema: z.ZodType): JsonSchema {
  const id = schema.meta()?.id;
  if (id !== undefined) return { $ref: COMPONENTS + id };
  const { $schema, $defs, ...rest } = z.toJSONSchema(schema, { unrepresentable: 'any' });
  return JSON.parse(JSON.stringify(rest).replaceAll('"#/$defs/', `"${COMPONENTS}`)) as JsonSchema;
}

/** The schemas that `described` refers to, directly or indirectly. Requests are described as callers send them. */
function schemasNamedIn(described: unknown): Record<string, JsonSchema> {
  const options = { uri: (id: string) => COMPONENTS + id, unrepresentable: 'any' } as const;
  const sent = z.toJSONSchema(z.globalRegistry, { ...options, io: 'input' }).schemas;
  const answered = z.toJSONSchema(z.globalRegistry, { ...options, io: 'output' }).schemas;
  const schemas: Record<string, JsonSchema> = {};
  const waiting = namesIn(described);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (schemas[name]) continue;
    const { $schema, $id, id, ...schema } = (name.endsWith('Request') ? sent : answered)[name] as JsonSchema;
    schemas[name] = schema;
    waiting.push(...namesIn(schema));
  }
  return schemas;
}

function namesIn(described: unknown): string[] {
  return [...JSON.stringify(described).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
}
