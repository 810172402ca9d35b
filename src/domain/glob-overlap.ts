/**
 * Whether some path could match both patterns. `*` and `?` stand for characters of one name, `**` for any folders. A
 * path without them also stands for what is below it. Brackets and braces count as `*`, so that the answer is rather
 * yes than no.
 *
 * @example
 * globsOverlap('src/**', 'src/api/*.ts'); // true
 * globsOverlap('src/api/**', 'src/ui/**'); // false
 */
export function globsOverlap(a: string, b: string): boolean {
  return foldersOverlap(segmentsOf(a), segmentsOf(b));
}

function segmentsOf(pattern: string): string[] {
  const plain = pattern.replaceAll(/\[[^\]]*\]|\{[^}]*\}/g, '*').replace(/\/$/, '/**');
  return plain.split('/').filter((segment) => segment !== '' && segment !== '.');
}

function foldersOverlap(a: readonly string[], b: readonly string[]): boolean {
  return matchBoth(
    a,
    b,
    (segment) => segment === '**',
    namesOverlap,
    (rest, last) => rest.every((segment) => segment === '**') || (last !== undefined && !/[*?]/.test(last)),
  );
}

function namesOverlap(a: string, b: string): boolean {
  if (!/[*?]/.test(a) && !/[*?]/.test(b)) return a === b;
  return matchBoth(
    [...a],
    [...b],
    (character) => character === '*',
    (one, other) => one === '?' || other === '?' || one === other,
    (rest) => rest.every((character) => character === '*'),
  );
}

/**
 * Whether some sequence matches both patterns, which are sequences in which an item can stand for any number of others.
 * @param mayEnd whether the rest of one pattern is allowed after the end of the other one, whose last item is given
 */
function matchBoth(
  a: readonly string[],
  b: readonly string[],
  isAny: (item: string) => boolean,
  equals: (one: string, other: string) => boolean,
  mayEnd: (rest: readonly string[], last: string | undefined) => boolean,
): boolean {
  const known = new Map<number, boolean>();
  const match = (i: number, j: number): boolean => {
    if (i === a.length) return mayEnd(b.slice(j), a.at(-1));
    if (j === b.length) return mayEnd(a.slice(i), b.at(-1));
    const key = i * (b.length + 1) + j;
    const found = known.get(key);
    if (found !== undefined) return found;
    const [one, other] = [a[i]!, b[j]!];
    const result =
      isAny(one) || isAny(other) ? match(i + 1, j) || match(i, j + 1) : equals(one, other) && match(i + 1, j + 1);
    known.set(key, result);
    return result;
  };
  return match(0, 0);
}
