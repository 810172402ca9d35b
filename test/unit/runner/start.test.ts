import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { markKept } from '../../../runner/git/kept-worktrees.ts';
import { removeLeftoverWorktrees } from '../../../runner/lease/recovery.ts';
import { chooseModel, NoModelError } from '../../../runner/start.ts';

test('leftover worktrees are removed except kept ones, and one that cannot be removed is logged', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'oio-left-'));
  const path = (name: string) => join(directory, name);
  for (const name of ['a-1', 'b-1', 'c-1', 'd-1']) mkdirSync(path(name));
  markKept(path('c-1'), 'base');
  const said: string[] = [];
  const removeWorktree = async (left: string): Promise<void> => {
    if (left === path('a-1')) throw new Error('EACCES');
    rmSync(left, { recursive: true });
  };
  try {
    await removeLeftoverWorktrees({ removeWorktree }, directory, (line) => said.push(line));
    expect(['a-1', 'b-1', 'c-1', 'd-1'].filter((name) => existsSync(path(name)))).toEqual(['a-1', 'c-1']);
    expect(said).toEqual(['a leftover worktree cannot be removed: EACCES']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('an error about a missing model says what to do, and other errors quote OpenCode', async () => {
  await expect(chooseModel({ defaultModel: async () => null })).rejects.toThrow('opencode-ai auth login');
  const fault = chooseModel({ defaultModel: () => Promise.reject(new Error('config: unexpected token')) });
  await expect(fault).rejects.toThrow(NoModelError);
  await expect(fault).rejects.toThrow('config: unexpected token');
});
