import { expect, it } from 'vitest';
import { globsOverlap } from '../../../src/domain/glob-overlap.ts';

it.each([
  ['a.ts', 'a.ts'],
  ['./a.ts', 'a.ts'],
  ['src/**', 'src/api/orders.ts'],
  ['src/**', 'src/**/*.ts'],
  ['**/*.ts', 'src/**'],
  ['src/*.ts', 'src/a*'],
  ['src/api', 'src/api/orders.ts'],
  ['src/api/', 'src/api/orders.ts'],
  ['src/[ab].ts', 'src/b.ts'],
  ['src/{a,b}.ts', 'src/b.ts'],
  ['src/a?c.ts', 'src/abc.ts'],
  ['**', 'anything/at/all'],
  ['*a*b', 'a*'],
])('some path matches both %s and %s', (a, b) => {
  expect(globsOverlap(a, b)).toBe(true);
  expect(globsOverlap(b, a)).toBe(true);
});

it.each([
  ['a.ts', 'b.ts'],
  ['src/api/**', 'src/ui/**'],
  ['src/*.ts', 'src/*.css'],
  ['src/*.ts', 'src/api/orders.ts'],
  ['src/a.ts', 'src/a.tsx'],
  ['src/a?.ts', 'src/a.ts'],
  ['docs/*', 'docs.md'],
])('no path matches both %s and %s', (a, b) => {
  expect(globsOverlap(a, b)).toBe(false);
  expect(globsOverlap(b, a)).toBe(false);
});

it('patterns full of wildcards are compared in bounded time', () => {
  const many = '*a'.repeat(60);
  expect(globsOverlap(`${many}b`, `${many}c`)).toBe(false);
});
