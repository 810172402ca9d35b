import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { forgetConversations } from '../../../runner/lease/leftover-conversations.ts';
import { MemoryConversations } from './memory-conversations.ts';

let scratch: string;
let worktrees: string;
let opencode: MemoryConversations;
let said: string[];
const log = (line: string) => void said.push(line);

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-conversations-'));
  mkdirSync(join(scratch, 'real'));
  worktrees = join(scratch, 'link');
  symlinkSync(join(scratch, 'real'), worktrees);
  opencode = new MemoryConversations();
  said = [];
});
afterEach(() => rmSync(scratch, { recursive: true }));

test('the conversations in a worktree that is left over are deleted, and no others', async () => {
  const stay = [join(scratch, 'clone'), join(scratch, 'real-1'), join(worktrees, 'kept-1', 'inside'), worktrees];
  const go = [join(worktrees, 'left-1'), join(worktrees, 'left-1', 'inside'), join(scratch, 'real', 'left-2')];
  opencode.directories.push(...stay, ...go);
  await forgetConversations(opencode, worktrees, (path) => path !== join(worktrees, 'kept-1'), log);
  expect([opencode.directories, said]).toEqual([stay, []]);
});

test('an OpenCode that fails or hangs does not keep the agent from starting', async () => {
  opencode.directories.push(join(worktrees, 'left-1'));
  opencode.forgetConversation = () => Promise.reject(new Error('database is locked'));
  await forgetConversations(opencode, worktrees, () => true, log);
  expect(said).toEqual(['conversations of ended work cannot be deleted: database is locked']);
  opencode.listConversations = () => new Promise(() => undefined);
  await forgetConversations(opencode, worktrees, () => true, log, 1);
});
