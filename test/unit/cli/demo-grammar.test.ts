import { expect, it } from 'vitest';
import { parsePrompt } from '../../../cli/demo/grammar.ts';

it.each([
  ['write a/b.txt: hi', 'wrote a/b.txt'],
  ['append a.txt: hi', 'appended to a.txt'],
  ['read a.txt', 'read a.txt'],
  ['ask edit', 'wrote asked.txt'],
  ['ask edit: c.txt', 'wrote c.txt'],
])('the report of "%s" has the file’s name as the prompt wrote it', (line, done) => {
  const [turn] = parsePrompt(line, '/somewhere/worktrees/1').turns;
  expect(turn?.act).toMatchObject({ kind: 'tool', done });
});
