/** The tables of the protocols' documents. Frames and values come from the schemas, codes and bounds from constants. */
import * as z from 'zod';
import { MAX_FRAME_BYTES } from '../src/protocol/common/limits.ts';
import { CLOSE } from '../src/protocol/common/socket.ts';

interface Json {
  $ref?: string;
  $defs?: Record<string, Json>;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  oneOf?: Json[];
  anyOf?: Json[];
  allOf?: Json[];
  properties?: Record<string, Json>;
  required?: string[];
  items?: Json;
  additionalProperties?: Json | boolean;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
}

const DEFINITIONS = '#/$defs/';

/**
 * A Markdown table of frames, events or commands, by their types: each member with its type and bounds. Named values
 * are links into `valuesTable`.
 * @param what the heading of the first column
 */
export function framesTable(what: string, ...frames: z.ZodType[]): string {
  const variants = frames.flatMap((schema) => variantsOf(describe(schema)));
  const rows = variants.flatMap((variant) => {
    const { type, ...members } = variant.properties ?? {};
    return rowsOf(`\`${type?.const}\``, membersOf({ ...variant, properties: members }));
  });
  return table([what, 'member', 'value'], rows);
}

/** A Markdown table of one object: each member with its type and bounds. */
export function objectTable(object: z.ZodType): string {
  const rows = membersOf(describe(object)).map(([member, value]) => [`\`${member}\``, value]);
  return table(['member', 'value'], rows);
}

/** A Markdown table of the bodies of requests, by their paths. `elsewhere`: members that another table has. */
export function requestsTable(
  requests: Readonly<Record<string, z.ZodType>>,
  elsewhere: Readonly<Record<string, string>>,
): string {
  const rows = Object.entries(requests).flatMap(([path, schema]) => {
    const { properties = {}, ...rest } = describe(schema);
    const own = Object.fromEntries(Object.entries(properties).filter(([name]) => elsewhere[name] === undefined));
    const others = Object.keys(properties).flatMap((name): [string, string][] =>
      elsewhere[name] === undefined ? [] : [[rest.required?.includes(name) ? name : `${name}?`, elsewhere[name]]],
    );
    return rowsOf(`\`${path}\``, [...membersOf({ ...rest, properties: own }), ...others]);
  });
  return table(['request', 'member', 'value'], rows);
}

/** A Markdown table of the named values that some schemas use, in the order of their names. */
export function valuesTable(...schemas: z.ZodType[]): string {
  const named = Object.assign({}, ...schemas.map((schema) => describe(schema).$defs)) as Record<string, Json>;
  const rows = Object.entries(named)
    // Events have a table of their own.
    .filter(([name]) => !name.endsWith('Event'))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([name, value]) => {
      const title = `<a id="${anchorOf(name)}"></a>\`${name}\``;
      return variantsOf(value).flatMap((variant, index) => {
        const members = membersOf(variant);
        const own: [string, string][] = members.length > 0 ? members : [['', wordsFor(variant)]];
        return rowsOf(index === 0 ? title : '', own);
      });
    });
  return table(['name', 'member', 'value'], rows);
}

/** What a close code means, and what the other side does then. */
const CLOSES: Readonly<Record<keyof typeof CLOSE, string>> = {
  protocol_error: 'A message was not a frame of this protocol. Mend the client; the same message is refused again.',
  unauthorized: 'The token was revoked or has expired. Connect with another token.',
  not_found: 'What the socket belongs to does not exist for this token. Do not reconnect.',
  lagging: 'The watcher is too far behind its acknowledgements. The reason is its cursor: reconnect with it.',
  deleted: 'The session was deleted. Do not reconnect.',
  lease_ended: 'The lease has ended; the frame before says how. Do not reconnect.',
  superseded: 'A newer connection of the same agent has replaced this one. Do not reconnect.',
};

/** A Markdown table of the close codes that a socket can have. */
export function closeCodesTable(...names: (keyof typeof CLOSE)[]): string {
  const own = names.map((name) => [`${CLOSE[name]}`, CLOSES[name]]);
  const common = [
    ['1000', 'A normal end, or the answer to your own close. To go on, reconnect.'],
    ['1009', `A message was longer than ${MAX_FRAME_BYTES.toLocaleString('en')} bytes. Send smaller ones.`],
    ['1011', 'The server could not handle a message, and stored nothing of it. Reconnect.'],
    ['any other', 'The connection was lost. Reconnect.'],
  ];
  return table(['code', 'meaning'], [...own, ...common]);
}

/** A Markdown table of bounds, each with its size and unit. */
export function boundsTable(...rows: [what: string, bound: number, unit: string][]): string {
  return table(
    ['what', 'bound'],
    rows.map(([what, bound, unit]) => [what, `${bound.toLocaleString('en')} ${unit}`]),
  );
}

function describe(schema: z.ZodType): Json {
  const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  // A schema with a name is a reference to itself.
  const named = described.$ref && described.$defs?.[described.$ref.replace(DEFINITIONS, '')];
  return named ? { ...named, $defs: described.$defs! } : described;
}

/** The variants of a union, including those of nested unions. */
function variantsOf(schema: Json): Json[] {
  const parts = schema.oneOf ?? schema.anyOf;
  return parts ? parts.flatMap(variantsOf) : [schema];
}

/** The members of an object with their values, and those of objects inside it: `data.items[].content`. */
function membersOf({ properties = {}, required = [] }: Json, path = ''): [string, string][] {
  return Object.entries(properties).flatMap(([name, member]) => {
    const place = `${path}${name}`;
    const isRequired = required.includes(name);
    const inside = insideOf(member, place);
    // The rows of its members show that a required member is an object.
    if (isRequired && member.properties && inside.length > 0) return inside;
    return [[isRequired ? place : `${place}?`, wordsFor(member)], ...inside];
  });
}

/** The members of an object, or of the objects in a list. A union of objects has its own table. */
function insideOf(member: Json, place: string): [string, string][] {
  if (member.items) return insideOf(member.items, `${place}[]`);
  const [only, ...others] = variantsOf(member).filter(({ properties }) => properties);
  return only && others.length === 0 ? membersOf(only, `${place}.`) : [];
}

/** A value in words, with its bounds. */
function wordsFor(schema: Json): string {
  if (schema.$ref) return linkTo(schema.$ref.replace(DEFINITIONS, ''));
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  const parts = schema.oneOf ?? schema.anyOf;
  if (parts) return [...new Set(parts.map(wordsFor))].join(' or ');
  if (schema.items) return `list${range(schema.minItems, schema.maxItems)} of ${wordsFor(schema.items)}`;
  if (schema.properties) return 'object';
  if (schema.type === undefined) return 'any JSON';
  return [schema.type]
    .flat()
    .map((type) => simple(type, schema))
    .join(' or ');
}

function simple(type: string, schema: Json): string {
  if (type === 'integer') return `whole number${range(schema.minimum, schema.maximum)}`;
  if (type === 'number') return `number${range(schema.minimum, schema.maximum)}`;
  if (type === 'object') return `object of ${wordsFor((schema.additionalProperties as Json | undefined) ?? {})}`;
  if (type !== 'string') return type;
  if (schema.format === 'uuid') return 'UUID';
  if (schema.format === 'base64') return 'base64';
  if (schema.format === 'date-time') return 'instant like `2026-11-22T15:04:05.678Z`';
  const pattern = schema.pattern === undefined ? '' : ` like \`${schema.pattern.replaceAll('|', '\\|')}\``;
  return `text${range(schema.minLength, schema.maxLength, ' characters')}${pattern}`;
}

/** Bounds in words. zod adds the bounds of safe integers to every integer; they are ignored. */
function range(least?: number, most?: number, unit = ''): string {
  const isSet = (bound?: number): bound is number => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const write = (bound: number) => bound.toLocaleString('en');
  if (isSet(least) && isSet(most)) return ` (${write(least)}–${write(most)}${unit})`;
  if (isSet(most)) return ` (at most ${write(most)}${unit})`;
  return isSet(least) ? ` (at least ${write(least)}${unit})` : '';
}

function linkTo(name: string): string {
  return `[${name}](#${anchorOf(name)})`;
}

function anchorOf(name: string): string {
  return `value-${name.toLowerCase()}`;
}

/** Table rows for the members. Only the first row has the name. */
function rowsOf(name: string, members: [string, string][]): string[][] {
  if (members.length === 0) return [[name, '', '']];
  return members.map(([member, value], index) => [index === 0 ? name : '', member && `\`${member}\``, value]);
}

function table(head: string[], rows: string[][]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
