import * as z from 'zod';
import type { ErrorCode } from '../common/errors.ts';
import type { OperationId, ParamNames, PathOf } from './routes.ts';

/** What the table says of an operation besides its route, and the words that its entries are made of. */

/** What a token's role must allow. `src/application/authorize.ts` says which roles do. */
export type Permission = 'read' | 'read_session' | 'read_artifact' | 'operate' | 'administer' | 'work' | 'open_socket';

/** A permission; or `code`: the bearer is a sign-in code; or `public`: no credential is needed. */
export type Access = Permission | 'code' | 'public';

/** A success. With neither `schema` nor `bytes` nor `subprotocol` it has no body. */
export interface ResponseSpec {
  description: string;
  /** A JSON body. */
  schema?: z.ZodType;
  /** The body is bytes (`application/octet-stream`). */
  bytes?: true;
  /** The answer is a WebSocket (101) that speaks this subprotocol. */
  subprotocol?: string;
  /** Headers of this response besides those that every response has, with their meaning. */
  headers?: Readonly<Record<string, string>>;
}

export interface Endpoint<Id extends OperationId = OperationId> {
  /** The section of the reference. */
  tag: 'Sessions' | 'Session actions' | 'Session work' | 'Agents' | 'Tokens' | 'Sockets' | 'System';
  summary: string;
  access: Access;
  /** Takes an `Idempotency-Key`: see `IdempotencyHeaders`. */
  idempotent?: true;
  params?: [ParamNames<PathOf<Id>>] extends [never]
    ? undefined
    : z.ZodObject<Record<ParamNames<PathOf<Id>>, z.ZodType>>;
  query?: z.ZodType;
  /** A request body of JSON. An empty one is read as an object without members. */
  body?: z.ZodType;
  responses: Readonly<Record<number, ResponseSpec>>;
  /** The codes that this operation answers with of its own. `errorCodesOf` adds those that follow from its shape. */
  errors: readonly ErrorCode[];
}

/** Entries for some operations of the table. */
export type Endpoints<Id extends OperationId> = { readonly [Key in Id]: Endpoint<Key> };

/** A response with a JSON body. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, schema } as const;
}

/** The body of a request that needs none. */
export const NoMembers = z
  .strictObject({})
  .meta({ id: 'NoMembers', description: 'Nothing is needed; an empty body is enough.', example: {} });

/**
 * Headers of every POST that creates or acts: the same key and body again give the first answer again, for a day.
 * Tickets and sign-in codes take no key: they are only signed, nothing is stored, and one too many is never used.
 */
export const IdempotencyHeaders = z.object({
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
