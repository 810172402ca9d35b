/** Numbers that JSON can write, but JavaScript cannot hold, and halves of surrogate pairs (I-JSON, RFC 7493). */

/** Texts without these contain no such value, and most bodies are such texts. */
const LONG_NUMBER = /\d{16}|\d[eE]\+?\d{3}/;
const SURROGATE = /\\u[dD][89a-fA-F]/;

export interface Inexact {
  /** The names of the members on the way, joined by dots; empty for the body itself. */
  path: string;
  message: string;
}

/**
 * A value in a JSON text that would silently become another one: it is refused, and not changed.
 *
 * @example inexactIn('{"data":{"id":12345678901234567890}}')?.path // 'data.id'
 */
export function inexactIn(text: string): Inexact | null {
  if (!LONG_NUMBER.test(text) && !SURROGATE.test(text)) return null;
  let found: Inexact | null = null;
  /** What contains the path that is known of the value that was found. */
  let holder: unknown;
  function look(this: unknown, name: string, value: unknown, { source = '' }: { source?: string } = {}): unknown {
    if (found === null) {
      const message = wrongText(name) ?? (typeof value === 'number' ? wrongNumber(value, source) : wrongText(value));
      if (message === null) return value;
      found = { path: name.toWellFormed(), message };
      holder = this;
    } else if (value === holder && name !== '') {
      // An object is looked at after what is in it.
      found.path = `${name.toWellFormed()}.${found.path}`;
      holder = this;
    }
    return value;
  }
  JSON.parse(text, look as (key: string, value: unknown) => unknown);
  return found;
}

function wrongNumber(value: number, source: string): string | null {
  if (!Number.isFinite(value)) return 'is too large for a number; send it as a string';
  const losesDigits = /^-?\d+$/.test(source) && !Number.isSafeInteger(value);
  return losesDigits ? 'has more digits than a number can hold; send it as a string' : null;
}

function wrongText(value: unknown): string | null {
  const isBroken = typeof value === 'string' && !value.isWellFormed();
  return isBroken ? 'has half of a surrogate pair (\\uD800–\\uDFFF), which is no character' : null;
}
