import { Matcher } from '@isaacs/nonrecursive-glob-match';

/** A part of a glob between two slashes: what one name must be, or any number of names. */
type Part = Matcher | 'any';

/**
 * The files that some globs name, by their paths from the top of the repository. `*`, `?` and `[…]` stay within one
 * name, `**` stands for any number of them, and a glob that ends with `/` for all that is below. The time is polynomial
 * for any glob and path, because no name is matched by backtracking.
 *
 * @example
 * new PathGlobs(['src/**\/*.ts', 'docs/']).has('docs/images/a.png'); // true
 */
export class PathGlobs {
  readonly #globs: Part[][];

  constructor(globs: readonly string[]) {
    this.#globs = globs.map((glob) =>
      glob
        .replace(/^\.\//, '')
        .replace(/\/$/, '/**')
        .split('/')
        .map((part) => (part === '**' ? 'any' : new Matcher(part, { dot: true, noext: true }))),
    );
  }

  has(path: string): boolean {
    const names = path.split('/');
    return this.#globs.some((parts) => matches(parts, names));
  }
}

/** Follows all ways through the parts at once, as Thompson's construction does for regular expressions. */
function matches(parts: readonly Part[], names: readonly string[]): boolean {
  let places = skipping(parts, [0]);
  for (const name of names) {
    const next: number[] = [];
    for (const place of places) {
      const part = parts[place];
      if (part === 'any') next.push(place);
      else if (part?.testUnchecked(name)) next.push(place + 1);
    }
    places = skipping(parts, next);
  }
  return places.has(parts.length);
}

/** Adds the places behind each `**`, which also stands for no name. */
function skipping(parts: readonly Part[], places: readonly number[]): Set<number> {
  const all = new Set(places);
  for (const place of all) if (parts[place] === 'any') all.add(place + 1);
  return all;
}
