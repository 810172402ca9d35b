import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PathGlobs } from '../../../src/domain/path-globs.ts';
import { runs } from '../../support/seeds.ts';

it.each([
  ['src/list.ts', 'src/list.ts', true],
  ['src/list.ts', 'src/list.tsx', false],
  ['./src/list.ts', 'src/list.ts', true],
  ['src/*.ts', 'src/list.ts', true],
  ['src/*.ts', 'src/deep/list.ts', false],
  ['src/**/*.ts', 'src/list.ts', true],
  ['src/**/*.ts', 'src/very/deep/list.ts', true],
  ['src/**', 'src/.env', true],
  ['src/**', 'lib/list.ts', false],
  ['**/*.md', 'README.md', true],
  ['*.md', 'docs/API.md', false],
  ['docs/', 'docs/images/a.png', true],
  ['docs/', 'docs.md', false],
  ['src/[ab].ts', 'src/b.ts', true],
  ['src/\\[id].ts', 'src/[id].ts', true],
  ['a?.txt', 'ab.txt', true],
  ['a?.txt', 'a/.txt', false],
  ['!a', '!a', true],
  ['#a', '#a', true],
  ['a+(b)', 'a+(b)', true],
])('the glob %s names %s: %s', (glob, path, expected) => {
  expect(new PathGlobs([glob]).has(path)).toBe(expected);
});

it('several globs name what one of them does, and none names nothing', () => {
  expect(new PathGlobs(['a/*', 'b/*']).has('b/x')).toBe(true);
  expect(new PathGlobs([]).has('b/x')).toBe(false);
});

it('any text is a glob that can be read, and names itself if it has no wildcard', () => {
  const name = fc.stringMatching(/^[a-z][a-z.]{0,7}$/);
  fc.assert(
    fc.property(fc.string(), fc.array(name, { minLength: 1 }), (glob, names) => {
      const path = names.join('/');
      new PathGlobs([glob]).has(path);
      expect(new PathGlobs([path]).has(path)).toBe(true);
      expect(new PathGlobs(['**']).has(path)).toBe(true);
    }),
    runs(100),
  );
});

it('a glob with many wildcards is followed without trying all ways, which would not end', () => {
  const stars = `${'a*'.repeat(90)}b`;
  expect(new PathGlobs([stars]).has('a'.repeat(1_000))).toBe(false);
  const globstars = `${'**/a/'.repeat(40)}b`;
  expect(new PathGlobs([globstars]).has('a/'.repeat(500))).toBe(false);
});
