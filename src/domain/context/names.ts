import type { Json } from './json.ts';

/** How much of the names is searched. */
const MAX_NAMES_CHARS = 8_192;

/** The distinct names of the members of a value at any depth, one a line, as many as fit. Arrays are searched too. */
export function memberNames(value: Json): string {
  const names = new Set<string>();
  let left = MAX_NAMES_CHARS;
  const waiting: Json[] = [value];
  while (waiting.length > 0 && left > 0) {
    const next = waiting.pop()!;
    if (typeof next !== 'object' || next === null) continue;
    if (!Array.isArray(next)) {
      for (const name of Object.keys(next)) {
        if (names.has(name) || name.length >= left) continue;
        names.add(name);
        left -= name.length + 1;
      }
    }
    // Reversed, so that the first members are searched first.
    waiting.push(...Object.values(next).reverse());
  }
  return [...names].join('\n');
}
