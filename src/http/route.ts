import { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Problem } from '../protocol/common/errors.ts';
import type { AppEnv } from './context.ts';
import { fieldErrors } from './problems.ts';
import { refusal } from './refusal.ts';

/** A router of one resource: what does not fit a route's schemas is refused as `validation_failed`. */
export function createRouter(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    strict: false,
    defaultHook: (result) => {
      if (result.success) return;
      const part = { json: 'body', param: 'path', query: 'query', header: 'headers' }[result.target as string];
      throw refusal('validation_failed', `The ${part ?? 'request'} does not fit its schema; see errors.`, {
        errors: fieldErrors(result.error),
      });
    },
  });
}

/** An answer with a JSON body. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** The body of a request that needs none. */
export const NoMembers = z
  .strictObject({})
  .meta({ id: 'NoMembers', description: 'Nothing is needed; an empty body will do.', example: {} });

/** A request body. It is always validated: an empty one arrives as an object without members. */
export function body<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}

/** Every answer that is not a success. */
export const problems = {
  default: {
    description: 'A problem (RFC 9457); `code` is one of the table of codes.',
    content: { 'application/problem+json': { schema: Problem } },
  },
} as const;

/**
 * On every POST that creates or acts: the same key and body again give the first answer again, for a day. Not on
 * tickets and codes: they are only signed, nothing is stored of them, and one too many is one that nobody uses.
 */
export const idempotent = z.object({
  'Idempotency-Key': z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: 'Makes a repeat safe: the same key and body give the first answer again, for a day.' }),
});

/** A query parameter that may be repeated, or hold several values with commas between them. */
export function repeated<Item extends z.ZodType>(item: Item, description: string) {
  const split = (value: unknown) =>
    value === undefined ? [] : [value].flat().flatMap((text) => String(text).split(','));
  const list: z.ZodType<z.output<Item>[], z.output<Item>[] | undefined> = z
    .preprocess<unknown, z.ZodArray<Item>, z.output<Item>[] | undefined>(split, z.array(item))
    .meta({ description });
  return list;
}
