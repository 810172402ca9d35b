import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findKept, isKept, markKept, markReported, originOf, unmarkKept } from '../../../runner/git/kept-worktrees.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';

const TASK = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001';
const OTHER = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000002';
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'oio-kept-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function worktree(task: string, epoch: number): string {
  const path = join(directory, `${task}-${epoch}`);
  mkdirSync(path);
  markKept(path, 'base');
  return path;
}

function assignment(checkpoint: { task_id: string; epoch: number } | null): Assignment {
  return { task_id: TASK, epoch: 9, checkpoint } as Assignment;
}

test('the newest kept worktree of the task is used unless the checkpoint is newer', () => {
  worktree(TASK, 2);
  const path = worktree(TASK, 3);
  expect(findKept(directory, assignment(null))).toEqual({ path, base: 'base', gone: [] });
  expect(findKept(directory, assignment({ task_id: TASK, epoch: 3 }))).toEqual({ path, base: 'base', gone: [] });
  expect(findKept(directory, assignment({ task_id: TASK, epoch: 4 }))).toBeNull();
});

test('no kept worktree is used if a person has chosen where the task starts', () => {
  worktree(TASK, 3);
  expect(findKept(directory, { ...assignment(null), is_start_chosen: true })).toBeNull();
});

test('the kept worktree that the checkpoint was taken from is found even if it belongs to another task', () => {
  const path = worktree(OTHER, 1);
  expect(findKept(directory, assignment({ task_id: OTHER, epoch: 1 }))).toEqual({ path, base: 'base', gone: [] });
  expect(findKept(directory, assignment({ task_id: OTHER, epoch: 2 }))).toBeNull();
  expect(findKept(directory, assignment(null))).toBeNull();
});

test('a worktree is kept until its mark is removed', () => {
  const path = worktree(TASK, 1);
  expect(isKept(path)).toBe(true);
  unmarkKept(path);
  expect(isKept(path)).toBe(false);
  expect(findKept(directory, assignment(null))).toBeNull();
});

test('a kept worktree remembers what it lacks of the work before', () => {
  const path = worktree(TASK, 2);
  markKept(path, 'base', ['all changes up to checkpoint 1', 'a reason\nin two lines']);
  expect(findKept(directory, assignment(null))).toMatchObject({
    base: 'base',
    gone: ['all changes up to checkpoint 1', 'a reason in two lines'],
  });
});

test('each later lease that works in a kept worktree makes it its own, so that the one after it finds the work', () => {
  const path = worktree(TASK, 1);
  for (const epoch of [2, 3]) {
    const before = epoch - 1;
    expect(findKept(directory, assignment({ task_id: TASK, epoch: before }))).toMatchObject({ path });
    markKept(path, 'base', [], { task_id: TASK, epoch });
    markReported(path);
    expect(findKept(directory, assignment({ task_id: TASK, epoch }))).toMatchObject({ path, base: 'base' });
    expect(findKept(directory, assignment({ task_id: TASK, epoch: epoch + 1 }))).toBeNull();
  }
});

test('a task that continues in the worktree of another one finds it again, and the other one does not', () => {
  const path = worktree(OTHER, 1);
  markKept(path, 'base', [], { task_id: TASK, epoch: 2 });
  expect(findKept(directory, assignment({ task_id: TASK, epoch: 2 }))).toMatchObject({ path });
  expect(findKept(directory, { ...assignment(null), task_id: OTHER })).toBeNull();
});

test('a mark of an earlier version names no lease, so the worktree is that of the lease in its name', () => {
  const path = worktree(TASK, 3);
  writeFileSync(`${path}.kept`, 'base reported\nsome work');
  expect(findKept(directory, assignment({ task_id: TASK, epoch: 3 }))).toEqual({
    path,
    base: 'base',
    gone: ['some work'],
  });
});

/** An assignment of the task whose parents are the works of such checkpoints, and which goes on with its own, if it has one. */
function startingFrom(parents: number[], own: number[] = []): Assignment {
  const works = [...parents, ...own].map((checkpoint) => ({
    checkpoint,
    task_id: own.includes(checkpoint) ? TASK : OTHER,
  }));
  const start = { base_commit: 'base', from: own.length > 0 ? own : parents, parents, works };
  return { ...assignment(own.length > 0 ? { task_id: TASK, epoch: 1 } : null), start } as unknown as Assignment;
}

test('a kept worktree is used only while the task begins with the works of others from which it was made', () => {
  const path = worktree(TASK, 1);
  const lease = { task_id: TASK, epoch: 1, origin: originOf(startingFrom([1, 2])) };
  markKept(path, 'base', [], lease);
  markReported(path);
  expect(findKept(directory, startingFrom([1, 2])), 'nothing has changed').toMatchObject({ path });
  expect(findKept(directory, startingFrom([1, 2], [3])), 'it goes on with its own work').toMatchObject({ path });
  expect(findKept(directory, startingFrom([1, 4])), 'a task before was done again').toBeNull();
  expect(findKept(directory, startingFrom([1, 4], [3])), 'and its own work is merged with that').toBeNull();
  expect(findKept(directory, startingFrom([])), 'a task before has no work any more').toBeNull();
  expect(findKept(directory, assignment(null)), 'a session of an earlier release').toMatchObject({ path });
});

test('a task that began without the work of others is not continued in its worktree once there is some', () => {
  markKept(worktree(TASK, 1), 'base', [], { task_id: TASK, epoch: 1, origin: originOf(startingFrom([])) });
  expect(findKept(directory, startingFrom([]))).not.toBeNull();
  expect(findKept(directory, startingFrom([1]))).toBeNull();
});
