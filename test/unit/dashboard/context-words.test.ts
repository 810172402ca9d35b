import { expect, it } from 'vitest';
import { inFull, inOneLine, memberRows } from '../../../dashboard/src/pages/session/context-words.ts';
import { ContextChange } from '../../../src/protocol/context/context.ts';

const EXAMPLE = (ContextChange().meta() as { example: ContextChange }).example;
const change = (version: number, ...paths: string[]): ContextChange => ({
  ...EXAMPLE,
  version,
  edits: paths.map((path) => ({ path, value: 1 })),
});

it('each value has the newest change of it or of what is in it; the others are of the oldest version', () => {
  const changes = [change(4, '/build/status'), change(3, '/build', '/a~1b'), change(2, '/builder')];
  const data = { build: {}, 'a/b': 1, first: true };
  const versions = (oldest: ContextChange | null) =>
    memberRows({ data, secret_paths: [] }, changes, oldest).map(({ name, origin }) => [name, origin?.version]);
  expect(versions(change(1))).toEqual([
    ['build', 4],
    ['a/b', 3],
    ['first', 1],
  ]);
  expect(versions(null).at(-1)).toEqual(['first', undefined]);
});

it('a value that is secret, or has a secret in it, is known as one', () => {
  const data = { build: {}, 'a/b': 1, plain: true };
  const secrets = (...secret_paths: string[]) =>
    memberRows({ data, secret_paths }, [], null).flatMap(({ name, isSecret }) => (isSecret ? [name] : []));
  expect(secrets('/build/token', '/a~1b')).toEqual(['build', 'a/b']);
  expect(secrets('')).toEqual(['build', 'a/b', 'plain']);
});

it('a value is shown in one line if it fits, else by its beginning or by how much is in it', () => {
  const inLine = (value: unknown) => Object.values(inOneLine(value));
  expect(inLine({ status: 'green' })).toEqual(['{"status":"green"}', true]);
  for (const value of [{}, [], '', 0, null]) expect(inLine(value)).toEqual([JSON.stringify(value), true]);
  expect(inLine({ text: 'x'.repeat(90) })).toEqual(['{…} 1 member', false]);
  expect(inLine(Array.from({ length: 50 }, (_, n) => n))).toEqual(['[…] 50 items', false]);
  expect(inLine('x'.repeat(90))).toEqual([`"${'x'.repeat(79)}…`, false]);
  expect(inLine('two\nlines')[1]).toBe(false);
  expect(inFull('two\nlines')).toBe('two\nlines');
  expect(inFull([1])).toBe('[\n  1\n]');
});
