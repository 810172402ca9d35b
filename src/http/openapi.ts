import * as z from 'zod';
import { VERSION } from '../configuration/version.ts';
import { rolesWith } from '../domain/permissions.ts';
import { ERROR_CODES, type ErrorCode, Problem } from '../protocol/common/errors.ts';
import {
  bodySchemaOf,
  bodyTypesOf,
  ConditionHeaders,
  type Endpoint,
  IdempotencyHeaders,
  LeaseHeaders,
  type ResponseSpec,
  TAGS,
  type Tag,
} from '../protocol/endpoints/endpoint.ts';
import {
  endpointOf,
  errorCodesOf,
  isConditional,
  OPERATION_IDS,
  permissionOf,
} from '../protocol/endpoints/endpoints.ts';
import { type OperationId, ROUTES } from '../protocol/endpoints/routes.ts';
import { type JsonSchema, schemaOf, schemasNamedIn } from './json-schema.ts';

const INFO = {
  title: 'OpenCode Industrial Orchestrator',
  version: VERSION,
  description:
    'A control plane for fleets of OpenCode coding agents: sessions, their event logs, approvals and checkpoints. ' +
    'Errors are problem details (RFC 9457). All routes except health, readiness and this description need a bearer token.',
  license: { name: 'MIT', identifier: 'MIT' },
};

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A token of the workspace.' },
  code: { type: 'http', scheme: 'bearer', description: 'A one-time sign-in code, in place of a token.' },
  ticket: {
    type: 'apiKey',
    in: 'header',
    name: 'Sec-WebSocket-Protocol',
    description: 'For browsers, which cannot set other headers on a socket: `oio.v1, oio.ticket.<ticket>`.',
  },
};

/** An OpenAPI 3.1 document; only the members that are used here. */
export interface ApiDocument {
  openapi: string;
  info: typeof INFO;
  servers: { url: string; description: string }[];
  tags: { name: Tag; description: string }[];
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
  tags: Tag[];
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
  required?: boolean;
  schema: JsonSchema;
}

/** Relative to the document's own address, so that one document is right wherever a control plane runs. */
const SERVER = { url: '/', description: 'The control plane that serves this document.' };

const HEADERS = '#/components/headers/';

/** Headers of responses that depend only on the status. */
const HEADERS_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'WWW-Authenticate',
  412: 'ETag',
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
  ETag: header('The present version of the session in quotes.'),
};

/** Describes the API from the table of endpoints. zod converts the schemas to JSON Schema. */
export function describeApi(): ApiDocument {
  const paths: ApiDocument['paths'] = {};
  for (const id of OPERATION_IDS) {
    const { method, path } = ROUTES[id];
    paths[path] = { ...paths[path], [method.toLowerCase()]: describeOperation(id) };
  }
  const tags = Object.entries(TAGS).map(([name, description]) => ({ name: name as Tag, description }));
  const components = { schemas: schemasNamedIn(paths), headers: COMMON_HEADERS, securitySchemes: SECURITY_SCHEMES };
  return { openapi: '3.1.0', info: INFO, servers: [SERVER], tags, security: [{ bearer: [] }], paths, components };
}

function describeOperation(id: OperationId): Operation {
  const endpoint = endpointOf(id);
  const permission = permissionOf(endpoint.access);
  const parameters = parametersOf(id, endpoint);
  const security = securityOf(endpoint);
  return {
    operationId: id,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    ...(permission && { 'x-roles': rolesWith(permission) }),
    ...(security && { security }),
    ...(parameters.length > 0 && { parameters }),
    ...(endpoint.body && { requestBody: requestBody(endpoint, endpoint.body()) }),
    responses: { ...successes(endpoint), ...refusals(id) },
  };
}

/** The credentials of an operation, if they are not those of all others. */
function securityOf({ access, responses }: Endpoint): Operation['security'] {
  if (access === 'public') return [];
  if (access === 'code') return [{ code: [] }];
  return 101 in responses ? [{ bearer: [] }, { ticket: [] }] : undefined;
}

function parametersOf(id: OperationId, { params, query, idempotent, leased }: Endpoint): Parameter[] {
  return [
    ...parametersIn('path', params?.()),
    ...parametersIn('query', query?.() as z.ZodObject | undefined),
    ...parametersIn('header', idempotent && IdempotencyHeaders()),
    ...parametersIn('header', isConditional(id) ? ConditionHeaders() : undefined),
    ...parametersIn('header', leased && LeaseHeaders()),
  ];
}

function parametersIn(place: string, object: z.ZodObject | undefined): Parameter[] {
  const members = Object.entries((object?.shape ?? {}) as Record<string, z.ZodType>);
  return members.map(([name, member]) => {
    const { description: ownText, ...schema } = schemaOf(member, 'parameter');
    const { description = ownText } =
      (member instanceof z.ZodOptional ? (member.unwrap() as z.ZodType) : member).meta() ?? {};
    const required = place === 'path' || !member.safeParse(undefined).success;
    const described = description !== undefined && { description };
    return {
      name,
      in: place,
      required,
      ...described,
      schema: schema.type === 'array' ? listParameter(schema) : schema,
    };
  });
}

/** A list in a query: a repeated parameter, or one text with commas. */
function listParameter(list: JsonSchema): JsonSchema {
  return { anyOf: [list, { type: 'string', description: 'The values, separated by commas.' }] };
}

function requestBody(endpoint: Endpoint, schema: z.ZodType): NonNullable<Operation['requestBody']> {
  // An empty body is read as an object without members.
  const required = !schema.safeParse({}).success;
  const content = bodyTypesOf(endpoint).map((type) => [
    type,
    { schema: schemaOf(bodySchemaOf(endpoint, type)!(), 'sent') },
  ]);
  return { required, content: Object.fromEntries(content) };
}

function successes({ responses }: Endpoint): Operation['responses'] {
  return Object.fromEntries(
    Object.entries(responses).map(([status, spec]) => [status, success(Number(status), spec)] as const),
  );
}

function success(status: number, { description, schema, bytes, ...spec }: ResponseSpec): Response {
  const { headers = {}, optionalHeaders = {} } = spec;
  const own = [
    ...Object.entries(headers).map(([name, meaning]) => [name, header(meaning)] as const),
    ...Object.entries(optionalHeaders).map(([name, meaning]) => [name, header(meaning, false)] as const),
  ];
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
  const schema = { allOf: [schemaOf(Problem()), { type: 'object', properties: { code: { enum: codes } } }] };
  return {
    description: codes.map((code) => `${code}: ${ERROR_CODES[code].title}.`).join(' '),
    headers: referredHeaders('X-Request-ID', ...(own === undefined ? [] : [own])),
    content: { 'application/problem+json': { schema } },
  };
}

function header(description: string, required = true): Header {
  return { description, required, schema: { type: 'string' } };
}

function referredHeaders(...names: string[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: HEADERS + name }]));
}
