import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { VERSION } from '../../src/configuration/version.ts';
import { describeApi } from '../../src/http/openapi.ts';
import { ERROR_CODES, type ErrorCode } from '../../src/protocol/common/errors.ts';
import { ROUTES } from '../../src/protocol/endpoints/routes.ts';
import { ask, signToken } from './http-support.ts';

interface Operation {
  operationId: string;
  tags: string[];
  security?: unknown[];
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { headers?: Record<string, object>; content?: Record<string, { schema: object }> }>;
}

interface Document {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: object[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Record<string, unknown>> };
}

const document = (await (await ask('/openapi.json')).json()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
);

/** The description that the sources give. It builds all schemas, and so registers those with a name. */
const described = describeApi();
/** All named schemas, as the code registered them. */
const registered = (z.globalRegistry as unknown as { _idmap: Map<string, z.ZodType> })._idmap;

describe('the API description', () => {
  it('is OpenAPI 3.1 with a title, a version and a description', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.title).not.toBe('');
    expect(document.info.version).toBe(VERSION);
    expect(document.info.description).not.toBe('');
  });

  it('is what the sources describe', () => {
    expect(document).toEqual(JSON.parse(JSON.stringify(described)));
  });

  it.each(Object.keys(document.components.schemas))('has an example of %s that its schema accepts', (name) => {
    const { description, example } = document.components.schemas[name]!;
    expect(description).toBeTypeOf('string');
    const schema = registered.get(name);
    expect(schema).toBeDefined();
    expect(schema!.safeParse(example)).toMatchObject({ success: true });
  });

  it('refers only to existing schemas', () => {
    const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(document.components.schemas).toHaveProperty(name);
  });

  it('marks nullable members', () => {
    const { properties } = document.components.schemas.Session as { properties: Record<string, { anyOf?: object[] }> };
    expect(properties.started_at?.anyOf).toContainEqual({ type: 'null' });
    expect(properties.error?.anyOf).toContainEqual({ type: 'null' });
  });

  it('describes requests as callers send them: members with a default are optional', () => {
    const { required } = document.components.schemas.CreateSessionRequest as { required: string[] };
    expect(required.sort()).toEqual(['initial_prompt', 'title']);
  });

  it.each(operations)('names the schema of every response of $name', ({ operation }) => {
    for (const { content } of Object.values(operation.responses)) {
      for (const [type, { schema }] of Object.entries(content ?? {})) {
        const named = type === 'application/problem+json' ? (schema as { allOf: object[] }).allOf[0] : schema;
        if (type !== 'application/octet-stream') expect(named).toHaveProperty('$ref');
      }
    }
  });

  it('names each operation by the key of the table of endpoints', () => {
    expect(operations.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(ROUTES).sort());
  });

  it('lists the error codes and headers of each status of an operation', () => {
    const { responses } = document.paths['/api/v1/sessions/{id}/messages']!.post!;
    const codes = Object.entries(responses).flatMap(([status, { content }]) => {
      const schema = content?.['application/problem+json']?.schema as
        | { allOf: [object, { properties: { code: { enum: ErrorCode[] } } }] }
        | undefined;
      return schema ? schema.allOf[1].properties.code.enum.map((code) => [status, code] as const) : [];
    });
    for (const [status, code] of codes) expect(status).toBe(String(ERROR_CODES[code].status));
    expect(codes.map(([, code]) => code).sort()).toEqual([
      'forbidden',
      'idempotency_mismatch',
      'illegal_transition',
      'internal_error',
      'malformed_request',
      'misconfigured',
      'not_found',
      'payload_too_large',
      'precondition_failed',
      'too_many_requests',
      'unauthorized',
      'unavailable',
      'unsupported_media_type',
      'validation_failed',
    ]);
    expect(Object.keys(responses['429']!.headers!)).toEqual(['X-Request-ID', 'Retry-After']);
    expect(Object.keys(document.paths['/api/v1/sessions']!.post!.responses['201']!.headers!)).toContain('Location');
  });

  it('has every operation and member that the plan requires for sessions', () => {
    const names = operations.map(({ name }) => name.replaceAll(/\{\w+\}/g, '{}'));
    const actions = [
      'start',
      'pause',
      'resume',
      'stop',
      'cancel',
      'complete',
      'fail',
      'retry',
      'messages',
      'checkpoints',
    ];
    expect(names).toEqual(
      expect.arrayContaining([
        'POST /api/v1/sessions',
        'GET /api/v1/sessions',
        'GET /api/v1/sessions/{}',
        'PATCH /api/v1/sessions/{}',
        'DELETE /api/v1/sessions/{}',
        'POST /api/v1/sessions/bulk',
        ...actions.map((action) => `POST /api/v1/sessions/{}/${action}`),
        ...['events', 'checkpoints', 'diff', 'approvals'].map((part) => `GET /api/v1/sessions/{}/${part}`),
        'POST /api/v1/sessions/{}/approvals/{}',
      ]),
    );
  });

  it('demands no member of a request that has a default', () => {
    const { CreateSessionRequest, CreateTokenRequest, Session } = document.components.schemas;
    expect(JSON.stringify([CreateSessionRequest, CreateTokenRequest, Session])).not.toContain('"default"');
    const { priority } = CreateSessionRequest!.properties as Record<string, { description: string }>;
    expect(priority!.description).toContain('By default: `"medium"`');
  });

  it('declares every form in which a list of statuses is accepted', async () => {
    const token = await signToken('viewer');
    for (const query of ['status=running', 'status=running,queued', 'status=running&status=queued']) {
      expect((await ask(`/api/v1/sessions?${query}`, { token })).status).toBe(200);
    }
  });

  it('tells the types of events apart, and the credentials of operations', () => {
    const { discriminator } = document.components.schemas.SessionEvent as { discriminator: { mapping: object } };
    expect(discriminator.mapping).toMatchObject({ 'session.status': '#/components/schemas/SessionStatusEvent' });
    expect(document.paths['/api/v1/codes/redeem']!.post!.security).toEqual([{ code: [] }]);
    expect(document.paths['/ws/sessions/{id}']!.get!.security).toEqual([{ bearer: [] }, { ticket: [] }]);
  });

  it('names the server and the section of every operation', () => {
    expect(document.servers).toEqual([{ url: '/', description: expect.any(String) }]);
    const tags = document.tags.map(({ name }) => name);
    for (const { operation } of operations) expect(tags).toContain(operation.tags[0]);
  });

  it('offers an idempotency key on exactly the POSTs that store something, except on locks and under leases', () => {
    const without = operations.filter(
      ({ name, operation }) =>
        name.startsWith('POST') && !operation.parameters?.some((parameter) => parameter.name === 'Idempotency-Key'),
    );
    const names = without.map(({ name }) => name).filter((name) => !/^POST .api.v1.(locks|leases)./.test(name));
    expect(names.sort()).toEqual([
      'POST /api/v1/agents/route',
      'POST /api/v1/agents/{id}/claim',
      'POST /api/v1/agents/{id}/heartbeat',
      'POST /api/v1/codes',
      'POST /api/v1/tickets',
    ]);
    expect(without).toHaveLength(names.length + 3 + 7);
  });

  it('requires a token everywhere except health and readiness', () => {
    const open = operations.filter(({ operation }) => operation.security?.length === 0).map(({ name }) => name);
    expect(open.sort()).toEqual(['GET /health', 'GET /ready']);
  });
});
