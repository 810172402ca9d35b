import { expect, it } from 'vitest';
import * as z from 'zod';
import { ControlUp } from '../../../src/protocol/agent/control-socket.ts';
import { BOUNDED_JSON } from '../../../src/protocol/common/bounds.ts';
import { AgentFrame } from '../../../src/protocol/run/frames.ts';
import { RunUp } from '../../../src/protocol/run/run-socket.ts';

type Json = Record<string, unknown>;

/** A pattern without `*`, `+` and `{1,}`, outside of its classes, matches only texts up to some length. */
function isBoundedPattern(pattern: unknown): boolean {
  return typeof pattern === 'string' && !/[*+]|\{\d+,\}/.test(pattern.replaceAll(/\\.|\[(?:\\.|[^\]])*\]/g, ''));
}

function isBoundedNumber({ minimum, maximum }: Json): boolean {
  return Number(minimum) > Number.MIN_SAFE_INTEGER && Number(maximum) < Number.MAX_SAFE_INTEGER;
}

/** The members that have no maximum, or numbers without a minimum; each with its path. */
function unbounded(schema: z.ZodType): string[] {
  const root = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (BOUNDED_JSON.has(zodSchema as unknown as z.ZodType)) Object.assign(jsonSchema, { type: 'boolean' });
    },
  }) as Json;
  const walk = (json: Json, path: string): string[] => {
    if (typeof json.$ref === 'string') {
      return walk((root.$defs as Record<string, Json>)[json.$ref.replace('#/$defs/', '')]!, path);
    }
    const alternatives = [json.anyOf, json.oneOf, json.allOf].find((list) => list !== undefined) as Json[] | undefined;
    if (alternatives) return alternatives.flatMap((inner) => walk(inner, path));
    if ('const' in json || 'enum' in json || json.type === 'null') return [];
    // A member that can be null has two types.
    const type = [json.type].flat().find((name) => name !== 'null');
    switch (type) {
      case 'boolean':
        return [];
      case 'string':
        return json.maxLength !== undefined || isBoundedPattern(json.pattern) ? [] : [path];
      case 'number':
      case 'integer':
        return isBoundedNumber(json) ? [] : [path];
      case 'array':
        return [...(json.maxItems === undefined ? [`${path}[]`] : []), ...walk(json.items as Json, `${path}[]`)];
      case 'object':
        // A record is bounded only by a check of its own.
        if (json.properties === undefined) return [path];
        return Object.entries(json.properties as Record<string, Json>).flatMap(([name, member]) =>
          walk(member, `${path}.${name}`),
        );
      default:
        return [path];
    }
  };
  return walk(root, '');
}

it.each([
  ['the control socket', ControlUp()],
  ['the run socket', RunUp()],
  ['the numbered frames', AgentFrame()],
])('every text, list, number and record that an agent sends on %s is bounded', (_what, schema) => {
  expect(unbounded(schema)).toEqual([]);
});

it('a member without a bound is found, wherever it is', () => {
  const schema = z.object({
    ok: z.string().max(3),
    id: z.uuid(),
    text: z.string(),
    pattern: z.string().regex(/^a+$/),
    whole: z.int().min(0),
    any: z.number().max(3),
    list: z.array(z.object({ text: z.string().nullable() })),
    either: z.union([z.literal('a'), z.record(z.string(), z.string())]).optional(),
    more: z.unknown(),
  });
  expect(unbounded(schema)).toEqual([
    '.text',
    '.pattern',
    '.whole',
    '.any',
    '.list[]',
    '.list[].text',
    '.either',
    '.more',
  ]);
});
