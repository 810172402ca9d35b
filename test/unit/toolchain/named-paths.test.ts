import { existsSync, readFileSync } from 'node:fs';
import { expect, it, test } from 'vitest';

const FOLDERS = ['src', 'durable-objects', 'runner', 'cli', 'dashboard', 'test', 'docs', 'migrations', 'scripts'];

/** The paths in a document's code spans and links. @param folder the folder to which links are relative */
function pathsIn(markdown: string, folder: string): string[] {
  const spans = [...markdown.matchAll(/`([^`\s]+)`/g)].map(([, name]) => name!);
  const links = [...markdown.matchAll(/\]\(([^):#]+)\)/g)].map(([, target]) => `${folder}${target}`);
  const isPath = (name: string) => FOLDERS.some((start) => name === start || name.startsWith(`${start}/`));
  return [...spans.filter((name) => isPath(name) && !/[*{…]/.test(name)), ...links];
}

test.each([
  ['AGENTS.md', '', 15],
  ['docs/changing.md', 'docs/', 60],
  ['docs/architecture.md', 'docs/', 20],
  ['CONTRIBUTING.md', '', 8],
])('every path that %s names exists', (file, folder, atLeast) => {
  const paths = pathsIn(readFileSync(file, 'utf8'), folder);
  expect(paths.length).toBeGreaterThan(atLeast);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});

it('the check finds paths in code spans and links only', () => {
  const markdown =
    '`src/worker.ts`, `npm run check`, `src/*.ts`, `Outcome`, [here](adr/x.md), [there](https://x.test/a)';
  expect(pathsIn(markdown, 'docs/')).toEqual(['src/worker.ts', 'docs/adr/x.md']);
});

it('AGENTS.md stays short', () => {
  expect(readFileSync('AGENTS.md', 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(60);
});
