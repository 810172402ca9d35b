import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const FOLDERS = ['src', 'durable-objects', 'runner', 'cli', 'dashboard', 'test', 'docs', 'migrations'];

it('every path in the plan’s coverage exists', () => {
  const rows = readFileSync('docs/plan-coverage.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '));
  const named = rows.flatMap((row) => [...row.matchAll(/`([^`\s]+)`/g)].map((match) => match[1]!));
  const paths = named.filter((name) => FOLDERS.some((folder) => name === folder || name.startsWith(`${folder}/`)));
  expect(paths.length).toBeGreaterThan(100);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});
