import { exceedsBytes } from '../../protocol/common/limits.ts';
import { isObject, type Json, type JsonObject } from './json.ts';

/** How large a context can be. */
export interface ContextBounds {
  /** UTF-8 bytes of JSON, of the whole context. */
  context_bytes: number;
  /** UTF-8 bytes of JSON, of each value that is not an object. */
  value_bytes: number;
  /** How many members lead to the deepest value. */
  depth: number;
  /** The length of a member's name, in UTF-16 code units. */
  name_chars: number;
}

/** Names that would change an object's prototype in the programs that read a context. */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'prototype', 'constructor']);

/** Why a context cannot have this value, as a sentence; null if it can. */
export function whyOutOfBounds(value: JsonObject, bounds: ContextBounds): string | null {
  if (exceedsBytes(JSON.stringify(value), bounds.context_bytes)) {
    return `The context would have more than ${bounds.context_bytes} bytes of JSON. Remove what is not needed, or use another context.`;
  }
  return whyInvalid(value, [], bounds, false);
}

/** @param isItem whether an array contains the value; then the array is checked as a whole */
function whyInvalid(value: Json, path: readonly string[], bounds: ContextBounds, isItem: boolean): string | null {
  const place = `“${path.join('/')}”`;
  if (path.length > bounds.depth) return `${place} is nested too deeply. At most ${bounds.depth} levels are allowed.`;
  if (!isItem && !isObject(value) && exceedsBytes(JSON.stringify(value), bounds.value_bytes)) {
    return `The value of ${place} has more than ${bounds.value_bytes} bytes. Store it as a file, and its name here.`;
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, member] of Object.entries(value)) {
    const why = Array.isArray(value) ? null : whyBadName(name, bounds);
    if (why !== null) return why;
    const problem = whyInvalid(member, [...path, name], bounds, isItem || Array.isArray(value));
    if (problem !== null) return problem;
  }
  return null;
}

function whyBadName(name: string, { name_chars }: ContextBounds): string | null {
  if (FORBIDDEN_NAMES.has(name)) return `A member cannot have the name “${name}”.`;
  return name === '' || name.length > name_chars ? `The name of a member has 1 to ${name_chars} characters.` : null;
}
