import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../src/protocol/run/assignment.ts';

/** Beside a worktree whose work exists nowhere else: a file with the base that the work started from. */
const KEPT_SUFFIX = '.kept';

/** A worktree that an earlier lease left, because its work could not travel. */
export interface KeptWorktree {
  path: string;
  base: string;
}

/** From now on nothing removes this worktree: not the end of its lease, nor the start after a kill. */
export function keep(path: string, base: string): void {
  writeFileSync(`${path}${KEPT_SUFFIX}`, base);
}

/** Its work is safe elsewhere. */
export function letGo(path: string): void {
  rmSync(`${path}${KEPT_SUFFIX}`, { force: true });
}

/** Whether this is a worktree to be kept, or the mark that says so. */
export function isKept(path: string): boolean {
  return path.endsWith(KEPT_SUFFIX) || existsSync(`${path}${KEPT_SUFFIX}`);
}

/**
 * The kept worktree whose work is ahead of what the assignment's checkpoint carries: one of the same task that is not
 * older than the checkpoint, or the very one that the checkpoint was made of.
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
  return { path, base: readFileSync(`${path}${KEPT_SUFFIX}`, 'utf8').trim() };
}
