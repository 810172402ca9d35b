import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../src/protocol/run/assignment.ts';

/**
 * A worktree that holds the only copy of its work is kept. A file with this suffix beside it marks it. Its first line is
 * the commit that the work started from. Each further line names work from before that the worktree lacks.
 */
const KEPT_SUFFIX = '.kept';

/** A worktree that an earlier lease kept, because no checkpoint could hold its work. */
export interface KeptWorktree {
  path: string;
  base: string;
  /** What the worktree lacks of the work before, one phrase each. */
  gone: string[];
}

/** The kept worktrees in a directory of worktrees, the oldest first. Their name is the task's id and the epoch. */
export function listKept(directory: string): (KeptWorktree & { name: string; keptAt: Date })[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => file.endsWith(KEPT_SUFFIX))
    .map((file) => {
      const name = file.slice(0, -KEPT_SUFFIX.length);
      const path = join(directory, name);
      return { name, path, ...readMark(path), keptAt: statSync(join(directory, file)).mtime };
    })
    .sort((a, b) => a.keptAt.getTime() - b.keptAt.getTime());
}

/** Marks a worktree as kept: neither the end of its lease nor the start after a kill removes it. */
export function markKept(path: string, base: string, gone: readonly string[] = []): void {
  const lines = gone.map((what) => what.replaceAll(/\s+/g, ' '));
  writeFileSync(`${path}${KEPT_SUFFIX}`, [base, ...lines].join('\n'));
}

function readMark(path: string): Pick<KeptWorktree, 'base' | 'gone'> {
  const [base = '', ...gone] = readFileSync(`${path}${KEPT_SUFFIX}`, 'utf8').trim().split('\n');
  return { base, gone };
}

/** Removes the mark, because a checkpoint holds the work now. */
export function unmarkKept(path: string): void {
  rmSync(`${path}${KEPT_SUFFIX}`, { force: true });
}

/** Whether the path is a kept worktree or the mark of one. */
export function isKept(path: string): boolean {
  return path.endsWith(KEPT_SUFFIX) || existsSync(`${path}${KEPT_SUFFIX}`);
}

/**
 * Finds a kept worktree whose work is ahead of the assignment's checkpoint: the newest one of the same task that is not
 * older than the checkpoint, or else the one from which the checkpoint was taken. Null if there is none.
 */
export function findKept(directory: string, { task_id, checkpoint }: Assignment): KeptWorktree | null {
  if (!existsSync(directory)) return null;
  const kept = readdirSync(directory)
    .map((name) => /^(.+)-(\d+)\.kept$/.exec(name))
    .filter((match) => match !== null)
    .map(([, task, epoch]) => ({ task, epoch: Number(epoch) }))
    .sort((a, b) => b.epoch - a.epoch);
  const oldest = checkpoint?.task_id === task_id ? checkpoint.epoch : 0;
  const found =
    kept.find(({ task, epoch }) => task === task_id && epoch >= oldest) ??
    kept.find(({ task, epoch }) => task === checkpoint?.task_id && epoch === checkpoint?.epoch);
  if (found === undefined) return null;
  const path = join(directory, `${found.task}-${found.epoch}`);
  if (!existsSync(path)) return null;
  return { path, ...readMark(path) };
}
