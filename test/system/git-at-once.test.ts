import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Repository } from '../../runner/git/repository.ts';
import { gitIn } from '../support/git-in.ts';

const scratch = mkdtempSync(join(tmpdir(), 'oio-at-once-'));
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

test('worktrees that are added and removed at once all succeed, and leave no record', async () => {
  const clone = join(scratch, 'clone');
  mkdirSync(clone);
  gitIn(clone, 'init', '-q', '-b', 'main');
  writeFileSync(join(clone, 'file.txt'), 'text\n');
  gitIn(clone, 'add', '-A');
  gitIn(clone, 'commit', '-qm', 'first');
  const repository = await Repository.open(clone);
  const base = await repository.resolve();
  await Promise.all(
    Array.from({ length: 100 }, async (_, number) => {
      const { path } = await repository.addWorktree(join(scratch, `tree-${number}`), base);
      expect(readFileSync(join(path, 'file.txt'), 'utf8')).toBe('text\n');
      await repository.removeWorktree(path);
    }),
  );
  expect(gitIn(clone, 'worktree', 'list', '--porcelain').match(/^worktree /gm)).toHaveLength(1);
});
