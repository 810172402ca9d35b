import fc from 'fast-check';
import { expect, it } from 'vitest';
import { leaveOut } from '../../../runner/git/leave-out.ts';
import { runs } from '../../support/seeds.ts';

const limits = { fileBytes: 1_000, totalBytes: 5_000, files: 100 };
const many = (prefix: string, count: number, bytes: number) =>
  Array.from({ length: count }, (_, index) => ({ path: `${prefix}${index}`, bytes }));

it('nothing is left out within the limits', () => {
  expect(leaveOut(many('src/', 90, 50), limits)).toEqual([]);
});

it('one large file is left out, and the small ones beside it stay', () => {
  const files = [...many('src/', 3, 10), { path: 'src/core', bytes: 9_999 }];
  expect(leaveOut(files, limits)).toEqual([{ path: 'src/core', bytes: 9_999, files: 1 }]);
});

it('a directory of too many files is left out, as deep as it is', () => {
  const files = [
    ...many('app/src/', 20, 1),
    ...many('app/node_modules/a/', 60, 1),
    ...many('app/node_modules/b/', 60, 1),
  ];
  expect(leaveOut(files, limits)).toEqual([{ path: 'app/node_modules/', bytes: 120, files: 120 }]);
});

it('a directory of too many bytes is left out', () => {
  const files = [...many('src/', 20, 1), ...many('data/', 10, 900)];
  expect(leaveOut(files, limits)).toEqual([{ path: 'data/', bytes: 9_000, files: 10 }]);
});

it('the rest is within the limits, and every file is kept or left out once', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 4 })
    .map((names) => names.join('/'));
  const file = fc.record({ path: path.map((text) => `${text}.x`), bytes: fc.nat(2_000) });
  fc.assert(
    fc.property(fc.uniqueArray(file, { selector: (one) => one.path, maxLength: 200 }), (files) => {
      const left = leaveOut(files, limits);
      const covers = (place: string, name: string) => (place.endsWith('/') ? name.startsWith(place) : name === place);
      const rest = files.filter((one) => !left.some((place) => covers(place.path, one.path)));
      expect(rest.length).toBeLessThanOrEqual(limits.files);
      expect(rest.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(limits.totalBytes);
      expect(left.reduce((sum, { files: count }) => sum + count, 0)).toBe(files.length - rest.length);
    }),
    runs(200),
  );
});
