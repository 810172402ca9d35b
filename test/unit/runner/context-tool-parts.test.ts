import { expect, test } from 'vitest';
import { bounded } from '../../../runner/mcp/answers.ts';
import { overlap, placesOf } from '../../../runner/mcp/places.ts';
import { SeenVersions } from '../../../runner/mcp/seen-versions.ts';

test('a place is seen in the newest version in which it, or what contains it, was read', () => {
  const seen = new SeenVersions();
  expect(seen.at('session.a', '/build/status')).toBe(0);
  seen.begin('session.a', 3);
  seen.note('session.a', '/build', 5);
  seen.note('session.a', '/build/status/deep', 9);
  expect(seen.at('session.a', '/build/status')).toBe(5);
  expect(seen.at('session.a', '/buildings')).toBe(3);
  expect(seen.at('session.a', '/build/status/deep/er')).toBe(9);
  expect(seen.at('session.b', '/build')).toBe(0);
  seen.note('session.a', '/build', 4);
  expect(seen.at('session.a', '/build')).toBe(5);
});

test('a worktree that has read very many places forgets the oldest, and then counts as having seen less', () => {
  const seen = new SeenVersions();
  seen.begin('session.a', 1);
  for (let n = 0; n <= 500; n++) seen.note('session.a', `/key-${n}`, 7);
  expect(seen.at('session.a', '/key-0')).toBe(1);
  expect(seen.at('session.a', '/key-500')).toBe(7);
});

test('the places of a merge patch are the values that it sets or removes', () => {
  expect(placesOf({ a: { b: 1, 'c/d': null }, e: {}, f: [{ g: 1 }] })).toEqual(['/a/b', '/a/c~1d', '/e', '/f']);
  expect(overlap('/a', '/a/b')).toBe(true);
  expect(overlap('/a', '/ab')).toBe(false);
});

test('an answer that is too long is cut between characters, and says so', () => {
  expect(bounded('üü', 4, '…')).toBe('üü');
  expect(bounded('üüü', 5, '!')).toBe('üü!');
  expect(bounded('a😀b', 5, '!')).toBe('a!');
});
