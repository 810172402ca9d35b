import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { VERSION } from '../configuration/version.ts';
import type { AppEnv } from './context.ts';

const INFO = {
  title: 'OpenCode Industrial Orchestrator',
  version: VERSION,
  description:
    'A control plane for fleets of OpenCode coding agents: sessions, their event logs, approvals and checkpoints. ' +
    'Errors are problem details (RFC 9457). Every route but health, readiness and this description needs a bearer token.',
};

/** The part of an OpenAPI 3.1 document that the reference page reads. */
export interface ApiDocument {
  openapi: string;
  info: typeof INFO;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema>; securitySchemes: Record<string, unknown> };
  security: Record<string, string[]>[];
}

export interface Operation {
  tags?: string[];
  summary?: string;
  'x-roles'?: readonly string[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: JsonSchema }[];
  requestBody?: { content: Record<string, { schema?: JsonSchema }> };
  responses: Record<string, { description: string; content?: Record<string, { schema?: JsonSchema }> }>;
}

export type JsonSchema = { $ref?: string; description?: string; example?: unknown } & Record<string, unknown>;

/**
 * Describes the API: its routes as they were registered, its schemas as zod itself writes them in JSON Schema, which
 * OpenAPI 3.1 takes as it is. (The route library's own schemas lose `null` where a named schema is nullable.)
 */
export function describeApi(app: OpenAPIHono<AppEnv>): ApiDocument {
  const document = app.getOpenAPI31Document({ openapi: '3.1.0', info: INFO, security: [{ bearer: [] }] });
  const named = document.components?.schemas ?? {};
  const schemas = schemasOf(Object.keys(named));
  const securitySchemes = { bearer: { type: 'http', scheme: 'bearer', description: 'A token of the workspace.' } };
  return { ...document, components: { schemas, securitySchemes } } as unknown as ApiDocument;
}

/** JSON Schemas of the named ones and of all that they refer to. Requests are described as they are sent. */
function schemasOf(names: readonly string[]): Record<string, JsonSchema> {
  const options = { uri: (id: string) => `#/components/schemas/${id}`, unrepresentable: 'any' } as const;
  const sent = z.toJSONSchema(z.globalRegistry, { ...options, io: 'input' }).schemas;
  const answered = z.toJSONSchema(z.globalRegistry, { ...options, io: 'output' }).schemas;
  const schemas: Record<string, JsonSchema> = {};
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (schemas[name]) continue;
    const { $schema, $id, id, ...schema } = (name.endsWith('Request') ? sent : answered)[name] as JsonSchema;
    schemas[name] = schema;
    for (const [, found] of JSON.stringify(schema).matchAll(/"#\/components\/schemas\/(\w+)"/g)) waiting.push(found!);
  }
  return schemas;
}
