import * as z from 'zod';

/** Converts the schemas of the protocol to the JSON Schemas of the API's description. */

export type JsonSchema = { $ref?: string; description?: string; example?: unknown } & Record<string, unknown>;

const COMPONENTS = '#/components/schemas/';

/** What is described: a body as callers send it, a parameter as it is after parsing, or a body as the API answers. */
type Role = 'sent' | 'parameter' | 'answered';
type Override = NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override'];

function optionsFor(role: Role) {
  const override: Override = ({ zodSchema, jsonSchema }) => {
    dropSafeIntegerBounds(jsonSchema);
    sayDefault(jsonSchema, role);
    // A later version may answer with more members, and a strict reader must not fail on them.
    const { type, catchall } = zodSchema._zod.def as { type: string; catchall?: z.ZodType };
    if (role === 'answered' && type === 'object' && !catchall) delete jsonSchema.additionalProperties;
  };
  const io = role === 'sent' ? 'input' : 'output';
  return { io, override, unrepresentable: 'any', uri: (id: string) => COMPONENTS + id } as const;
}

/** zod adds the bounds of safe integers to every integer. They say nothing, and do not fit into an int32. */
function dropSafeIntegerBounds(schema: JsonSchema): void {
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
}

/**
 * Says a default in words. Generators take the keyword for a promise that the member is always there, and then demand
 * it of callers.
 */
function sayDefault(schema: JsonSchema, role: Role): void {
  if (!('default' in schema)) return;
  const words = `By default: \`${JSON.stringify(schema.default)}\`.`;
  delete schema.default;
  if (role === 'answered') return;
  schema.description = schema.description === undefined ? words : `${schema.description} ${words}`;
}

/** A reference for a named schema; any other schema is inlined. */
export function schemaOf(schema: z.ZodType, role: Role = 'answered'): JsonSchema {
  const id = schema.meta()?.id;
  if (id !== undefined) return { $ref: COMPONENTS + id };
  const { $schema, $defs, ...rest } = z.toJSONSchema(schema, optionsFor(role));
  return JSON.parse(JSON.stringify(rest).replaceAll('"#/$defs/', `"${COMPONENTS}`)) as JsonSchema;
}

/** The schemas that `described` refers to, directly or indirectly. Requests are described as callers send them. */
export function schemasNamedIn(described: unknown): Record<string, JsonSchema> {
  const sent = z.toJSONSchema(z.globalRegistry, optionsFor('sent')).schemas;
  const answered = z.toJSONSchema(z.globalRegistry, optionsFor('answered')).schemas;
  const schemas: Record<string, JsonSchema> = {};
  const waiting = namesIn(described);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (schemas[name]) continue;
    const { $schema, $id, id, ...schema } = (name.endsWith('Request') ? sent : answered)[name] as JsonSchema;
    schemas[name] = schema;
    waiting.push(...namesIn(schema));
  }
  for (const schema of Object.values(schemas)) discriminate(schema, schemas);
  return schemas;
}

/** Names the member that tells the named alternatives of a schema apart. */
function discriminate(schema: JsonSchema, schemas: Record<string, JsonSchema>): void {
  const alternatives = (schema.oneOf ?? []) as JsonSchema[];
  const types = alternatives.map(({ $ref }) => [typeIn(schemas[$ref?.slice(COMPONENTS.length) ?? '']), $ref] as const);
  if (types.length === 0 || types.some(([type]) => type === undefined)) return;
  schema.discriminator = { propertyName: 'type', mapping: Object.fromEntries(types) };
}

function typeIn(schema: JsonSchema | undefined): unknown {
  return (schema?.properties as Record<string, JsonSchema> | undefined)?.type?.const;
}

function namesIn(described: unknown): string[] {
  return [...JSON.stringify(described).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
}
