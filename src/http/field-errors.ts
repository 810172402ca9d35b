import type { FieldError } from '../protocol/common/errors.ts';

/** An issue of zod's, with the members that are read here. */
interface Issue {
  code?: string | undefined;
  path: PropertyKey[];
  message: string;
  expected?: string;
  format?: string;
  keys?: string[];
  origin?: string;
  minimum?: number | bigint;
  maximum?: number | bigint;
  values?: unknown[];
  /** Of a discriminated union: the values of the member that tells its alternatives apart. */
  options?: unknown[];
  /** Of a union: the issues of each alternative. */
  errors?: Issue[][];
  /** Of a name that is not allowed in an object. */
  issues?: Issue[];
}

/**
 * One entry for each invalid member, in words of the API. An unknown member has an entry with its own path.
 *
 * @param input what was parsed, which shows that a member is missing where the parser converts it first
 */
export function fieldErrors(error: { issues: readonly unknown[] }, input?: unknown): FieldError[] {
  const all = (error.issues as readonly Issue[]).flatMap((issue) => {
    if (issue.code === 'unrecognized_keys' && issue.keys) {
      return issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'unknown member; remove it' }));
    }
    const { path, message } = innermost(issue);
    if (issue.code === 'invalid_type' && isMissing(input, path))
      return [{ path: path.join('.'), message: 'is missing' }];
    return [{ path: path.join('.'), message }];
  });
  // A body can hold tens of thousands of unknown members.
  const firsts = new Map<string, FieldError>();
  for (const error of all) if (!firsts.has(error.path)) firsts.set(error.path, error);
  return [...firsts.values()];
}

function isMissing(input: unknown, path: readonly PropertyKey[]): boolean {
  if (path.length === 0 || typeof input !== 'object' || input === null) return false;
  const [name, ...rest] = path;
  const member = (input as Record<PropertyKey, unknown>)[name!];
  return rest.length === 0 ? member === undefined : isMissing(member, rest);
}

/** The place that an issue is about: that of the alternative that fits best, if the issue is one of alternatives. */
function innermost(issue: Issue): { path: PropertyKey[]; message: string } {
  const { errors = [], path } = issue;
  const firsts = errors.flatMap(([first]) => (first ? [first] : []));
  const deepest = firsts.toSorted((a, b) => b.path.length - a.path.length)[0];
  if (deepest && deepest.path.length > 0) return innermost({ ...deepest, path: [...path, ...deepest.path] });
  return { path, message: firsts.length > 0 ? firsts.map(sentence).join(', or ') : sentence(issue) };
}

/** zod's own texts begin with these words. A schema's own text stays. */
const GENERAL = /^(Invalid|Too|Unrecognized)/;

/** The text of an issue: what the value must be, without the words of the parser. */
function sentence(issue: Issue): string {
  const { code, message, expected = '', origin = '', minimum, maximum, values, options, format, issues } = issue;
  if (!GENERAL.test(message)) return message;
  const received = /received (\w+)$/.exec(message)?.[1] ?? '';
  switch (code) {
    case 'invalid_type':
      return received === 'undefined' ? 'is missing' : typeSentence(expected, received);
    case 'too_small':
      return `must ${bound(origin, 'at least', minimum)}`;
    case 'too_big':
      return `must ${bound(origin, 'at most', maximum)}`;
    case 'invalid_value':
      return `must be one of: ${(values ?? []).join(', ')}`;
    case 'invalid_union':
      return options ? `must be one of: ${options.join(', ')}` : 'has none of the allowed forms';
    case 'invalid_key':
      return `the name ${issues?.[0] ? sentence(issues[0]) : 'is not allowed'}`;
    case 'invalid_format':
      return `must be ${FORMATS[format ?? ''] ?? 'written in the documented form'}`;
    default:
      return 'does not have the documented form';
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'a UUID, such as 3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
  datetime: 'a time in UTC with milliseconds, such as 2026-11-22T15:04:05.678Z',
};

function typeSentence(expected: string, received: string): string {
  const [wanted, got] = [TYPES[expected] ?? expected, TYPES[received]];
  return got === undefined || (received === 'number' && expected === 'int')
    ? `must be ${wanted}`
    : `must be ${wanted}, not ${got}`;
}

function bound(origin: string, words: string, limit: number | bigint | undefined): string {
  const unit = UNITS[origin];
  return unit === undefined
    ? `be ${words} ${limit}`
    : `have ${words} ${limit} ${unit}${Number(limit) === 1 ? '' : 's'}`;
}

const UNITS: Readonly<Record<string, string>> = { string: 'character', array: 'item' };
