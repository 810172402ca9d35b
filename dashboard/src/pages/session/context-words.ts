import type { Context, ContextChange } from '../../../../src/protocol/context/context.ts';

/** Who has made a version, and when. */
export type Origin = Pick<ContextChange, 'version' | 'at' | 'by'>;

/** A member of a context, with the newest change of it or of what is in it; null if that is not known. */
export interface MemberRow {
  name: string;
  value: unknown;
  origin: Origin | null;
  /** Whether it is secret, or something in it is. */
  isSecret: boolean;
}

/**
 * The members of a context in their order.
 * @param changes the newest first
 * @param oldest the version before all changes; null while it is not known
 */
export function memberRows(
  { data, secret_paths }: Pick<Context, 'data' | 'secret_paths'>,
  changes: readonly ContextChange[],
  oldest: Origin | null,
): MemberRow[] {
  const secret = new Set(secret_paths.map(memberIn));
  const newest = new Map<string, Origin>();
  for (const change of changes) {
    for (const { path } of change.edits) {
      const name = memberIn(path);
      if (!newest.has(name)) newest.set(name, change);
    }
  }
  return Object.entries(data).map(([name, value]) => ({
    name,
    value,
    origin: newest.get(name) ?? oldest,
    isSecret: secret.has(name) || secret_paths.includes(''),
  }));
}

/** The first member of a JSON Pointer (RFC 6901). */
function memberIn(path: string): string {
  return (path.split('/')[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
}

/** How many characters fit into one line. */
const LINE_CHARS = 80;

/** A value in one line, and whether that is all of it. */
export function inOneLine(value: unknown): { line: string; isWhole: boolean } {
  if (Array.isArray(value) && value.length > 0) return ofParts(value, '[…]', 'item', value.length);
  if (typeof value === 'object' && value !== null) {
    const { length } = Object.keys(value);
    if (length > 0) return ofParts(value, '{…}', 'member', length);
  }
  const text = JSON.stringify(value);
  const isWhole = text.length <= LINE_CHARS && !text.includes('\\n');
  return { line: isWhole ? text : `${text.slice(0, LINE_CHARS)}…`, isWhole };
}

function ofParts(value: object, sign: string, part: string, count: number): { line: string; isWhole: boolean } {
  const text = JSON.stringify(value);
  if (text.length <= LINE_CHARS) return { line: text, isWhole: true };
  return { line: `${sign} ${count} ${part}${count === 1 ? '' : 's'}`, isWhole: false };
}

/** A value in full: a text as it is, anything else as JSON. */
export function inFull(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
