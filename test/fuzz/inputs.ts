import * as z from 'zod';
import { endpointOf, OPERATION_IDS } from '../../src/protocol/endpoints/endpoints.ts';
import { type OperationId, ROUTES } from '../../src/protocol/endpoints/routes.ts';

/** A request that may be anything. */
export interface AnyRequest {
  /** The operation that was meant. */
  operation: OperationId;
  method: string;
  /** The path with its query. */
  path: string;
  headers: Record<string, string>;
  body: string | null;
}

/** The ids of things that exist, by the name of the path's parameter. */
export type Ids = Readonly<Record<string, string>>;

/** Chooses with seeded randomness. */
export class Chooser {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

type Json = { [member: string]: unknown };

const TEXTS = [
  ...['', ' ', '\u0000', '\ud800', '\u202e\u2066evil', '\u200b\u200b\u200b', 'é'.normalize('NFD'), '💥'.repeat(30)],
  ...['__proto__', 'constructor', '%', '%00', "'; DROP TABLE sessions; --", '../..', '<script>', '{{7*7}}', 'null'],
];
const LONG = 'x'.repeat(1_100_000);
const NUMBERS = [0, -0, -1, 1.5, 1e21, 1e308, -1e308, 2 ** 31, 2 ** 53, Number.MAX_SAFE_INTEGER];
const VALUES: readonly unknown[] = [
  ...TEXTS,
  ...NUMBERS,
  null,
  true,
  [],
  {},
  [[]],
  [null],
  { a: { b: {} } },
  ['a', 'a'],
];
const QUERIES = [
  'page=0',
  'page=1&page=2',
  'page=1e9',
  'page_size=101',
  'limit=-1',
  'after=x',
  'after=00000000.1',
  'q=%00',
];
const PATHS = ['..', '%2e%2e', '%2F', '%00', 'null', '*', '%F0%9F%92%A5', '0'.repeat(3_000), 'A%0d%0aX: y'];
const HEADERS: readonly Record<string, string>[] = [
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': 'multipart/form-data; boundary=x' },
  { 'content-type': 'application/merge-patch+json' },
  { 'content-encoding': 'gzip' },
  { 'idempotency-key': '' },
  { 'idempotency-key': 'k'.repeat(5_000) },
  { 'idempotency-key': '\u00e9\u00e9' },
  { 'if-match': '"nope"' },
  { 'if-match': 'W/' },
  { accept: 'text/html' },
  { range: 'bytes=0-1' },
  { 'x-request-id': '\u00ff'.repeat(300) },
  { 'x-http-method-override': 'DELETE' },
  { origin: 'null' },
  { authorization: 'Bearer' },
  { authorization: 'Bearer a.b.c' },
];
const METHODS = ['PUT', 'PATCH', 'DELETE', 'POST', 'OPTIONS', 'HEAD', 'QUERY'];

/** The kinds of input, from the schemas and beyond them. Each changes a valid request. */
const KINDS = {
  valid: (input: AnyRequest) => input,
  'wrong type': (input: AnyRequest, choose: Chooser) => withMember(input, choose, () => choose.of(VALUES)),
  'out of bounds': (input: AnyRequest, choose: Chooser) =>
    withMember(input, choose, (schema) => beyond(schema, choose)),
  missing: (input: AnyRequest, choose: Chooser) => {
    const body = bodyOf(input);
    const name = choose.of(Object.keys(body));
    if (name !== undefined) delete body[name];
    return { ...input, body: JSON.stringify(body) };
  },
  extra: (input: AnyRequest, choose: Chooser) => ({
    ...input,
    body: JSON.stringify({ ...bodyOf(input), [choose.of([...TEXTS, 'id', 'status', 'workspace'])]: choose.of(VALUES) }),
  }),
  unicode: (input: AnyRequest, choose: Chooser) => withMember(input, choose, () => choose.of(TEXTS)),
  huge: (input: AnyRequest, choose: Chooser) =>
    withMember(input, choose, () => choose.of([LONG, Array(100_000).fill(0), Array(2_000).fill('tag'), deep(3_000)])),
  duplicate: (input: AnyRequest, choose: Chooser) => {
    const text = input.body ?? '{}';
    const name = choose.of([...Object.keys(bodyOf(input)), 'title']);
    return { ...input, body: `{${JSON.stringify(name)}:${JSON.stringify(choose.of(VALUES))},${text.slice(1)}` };
  },
  malformed: (input: AnyRequest, choose: Chooser) => {
    const text = input.body ?? '{}';
    const cut = text.slice(0, choose.below(text.length));
    return {
      ...input,
      body: choose.of([cut, `${text}}`, `\ufeff${text}`, 'NaN', '{a:1}', `${text}${text}`, '"', '[', '\u0000']),
    };
  },
  'not an object': (input: AnyRequest, choose: Chooser) => ({ ...input, body: JSON.stringify(choose.of(VALUES)) }),
  headers: (input: AnyRequest, choose: Chooser) => ({ ...input, headers: { ...input.headers, ...choose.of(HEADERS) } }),
  query: (input: AnyRequest, choose: Chooser) => ({
    ...input,
    path: `${input.path}?${choose.of([...QUERIES, ...queryOf(input.operation, choose)])}`,
  }),
  path: (input: AnyRequest, choose: Chooser) => {
    const parts = input.path.split('/');
    parts[1 + choose.below(parts.length - 1)] = choose.of(PATHS);
    return { ...input, path: parts.join('/') };
  },
  method: (input: AnyRequest, choose: Chooser) => ({ ...input, method: choose.of(METHODS) }),
} as const satisfies Record<string, (input: AnyRequest, choose: Chooser) => AnyRequest>;

export type Kind = keyof typeof KINDS;
/** A request of a kind. */
export interface Input extends AnyRequest {
  kind: Kind;
}

export const INPUT_KINDS = Object.keys(KINDS) as Kind[];

/** The operations over REST. Those that end the run's own credentials are left out. */
export const FUZZED = OPERATION_IDS.filter((id) => ROUTES[id].path.startsWith('/api/') && id !== 'redeemCode');

/** An input of a kind. The same choices give the same input. */
export function inputOf(kind: Kind, operation: OperationId, ids: Ids, choose: Chooser): Input {
  const { method, path } = ROUTES[operation];
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? name);
  const { body } = endpointOf(operation);
  const example = body ? JSON.stringify(body().meta()?.example ?? {}) : null;
  const headers: Record<string, string> = example === null ? {} : { 'content-type': 'application/json' };
  const valid: AnyRequest = { operation, method, path: filled, headers, body: example };
  const input: Input = { kind, ...KINDS[kind](valid, choose) };
  // A GET cannot have a body.
  return ['GET', 'HEAD'].includes(input.method) ? { ...input, body: null } : input;
}

function bodyOf({ body }: AnyRequest): Json {
  return body === null ? {} : (JSON.parse(body) as Json);
}

/** Replaces a member of the body that the schema has. */
function withMember(input: AnyRequest, choose: Chooser, value: (schema: Json) => unknown): AnyRequest {
  const members = membersOf(input.operation);
  const name = choose.of([...Object.keys(members), 'title']);
  return { ...input, body: JSON.stringify({ ...bodyOf(input), [name]: value((members[name] ?? {}) as Json) }) };
}

function membersOf(operation: OperationId): Json {
  const { body } = endpointOf(operation);
  if (!body) return {};
  const schema = z.toJSONSchema(body(), { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Json;
  return (schema.properties ?? {}) as Json;
}

/** A value just beyond a bound of the schema. */
function beyond(schema: Json, choose: Chooser): unknown {
  const { minimum, maximum, minLength, maxLength, maxItems, enum: words } = schema as Record<string, number>;
  const values: unknown[] = [
    ...(minimum === undefined ? [] : [minimum - 1, minimum]),
    ...(maximum === undefined ? [] : [maximum + 1, maximum]),
    ...(minLength === undefined ? [] : ['x'.repeat(Math.max(0, minLength - 1))]),
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1), '💥'.repeat(maxLength)]),
    ...(maxItems === undefined ? [] : [Array(maxItems + 1).fill('x')]),
    ...(words === undefined ? [] : ['none of them']),
  ];
  return choose.of(values.length > 0 ? values : VALUES);
}

function queryOf(operation: OperationId, choose: Chooser): string[] {
  const { query } = endpointOf(operation);
  const names = Object.keys((query?.() as z.ZodObject | undefined)?.shape ?? {});
  const value = () => encodeURIComponent(String(choose.of([...TEXTS, ...NUMBERS])).toWellFormed());
  return names.flatMap((name) => [`${name}=${value()}`, `${name}=${value()}&${name}=${value()}`, name]);
}

function deep(levels: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
