import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../src/protocol/run/assignment.ts';

/**
 * A worktree that holds the only copy of its work is kept. A file with this suffix beside it marks it. Its first line is
 * the commit that the work started from. Each further line names work from before that the worktree lacks.
 */
const KEPT_SUFFIX = '.kept';
/** Behind the commit: the worktree holds nothing that a reported checkpoint does not hold. */
const REPORTED = ' reported';

type WorktreeRemover = { removeWorktree(path: string): Promise<void> };

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
      const { base, gone } = readMark(path);
      return { name, path, base, gone, keptAt: statSync(join(directory, file)).mtime };
    })
    .sort((a, b) => a.keptAt.getTime() - b.keptAt.getTime());
}

/** Marks a worktree as kept: neither the end of its lease nor the start after a kill removes it. */
export function markKept(path: string, base: string, gone: readonly string[] = []): void {
  const lines = gone.map((what) => what.replaceAll(/\s+/g, ' '));
  writeFileSync(`${path}${KEPT_SUFFIX}`, [base, ...lines].join('\n'));
}

/** Notes in the mark that a checkpoint with all of the worktree's work was reported, but is not confirmed yet. */
export function markReported(path: string): void {
  const { base, gone } = readMark(path);
  markKept(path, `${base}${REPORTED}`, gone);
}

/** Deletes the worktree of a lease if it was kept only until the session has the checkpoint that was reported last. */
export async function dropReported(
  repository: WorktreeRemover,
  directory: string,
  { task_id, epoch }: { task_id: string; epoch: number },
): Promise<void> {
  const found = keptOf(directory, task_id).find((kept) => kept.epoch <= epoch);
  if (found && readMark(found.path).isReported) await dropOne(repository, found.path);
}

function readMark(path: string): Pick<KeptWorktree, 'base' | 'gone'> & { isReported: boolean } {
  const [first = '', ...gone] = readFileSync(`${path}${KEPT_SUFFIX}`, 'utf8').trim().split('\n');
  return { base: first.replace(REPORTED, ''), gone, isReported: first.endsWith(REPORTED) };
}

/** Deletes the kept worktrees of a task. */
export async function dropKept(repository: WorktreeRemover, directory: string, taskId: string): Promise<void> {
  for (const { path } of keptOf(directory, taskId)) await dropOne(repository, path);
}

async function dropOne(repository: WorktreeRemover, path: string): Promise<void> {
  unmarkKept(path);
  await repository.removeWorktree(path);
}

/** Removes the mark, because a checkpoint holds the work now. */
export function unmarkKept(path: string): void {
  rmSync(`${path}${KEPT_SUFFIX}`, { force: true });
}

/** Whether the path is a kept worktree or the mark of one. */
export function isKept(path: string): boolean {
  return path.endsWith(KEPT_SUFFIX) || existsSync(`${path}${KEPT_SUFFIX}`);
}

/** The marked paths of a task, the newest first. */
function keptOf(directory: string, taskId: string): { path: string; epoch: number }[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .map((name) => /^(.+)-(\d+)\.kept$/.exec(name))
    .filter((match) => match !== null && match[1] === taskId)
    .map((match) => ({ path: join(directory, `${taskId}-${match?.[2]}`), epoch: Number(match?.[2]) }))
    .sort((a, b) => b.epoch - a.epoch);
}

/**
 * Finds a kept worktree whose work is ahead of the assignment's checkpoint: the newest one of the same task that is not
 * older than the checkpoint, or else the one from which the checkpoint was taken. Null if there is none.
 */
export function findKept(directory: string, { task_id, checkpoint }: Assignment): KeptWorktree | null {
  const oldest = checkpoint?.task_id === task_id ? checkpoint.epoch : 0;
  const found =
    keptOf(directory, task_id).find(({ epoch }) => epoch >= oldest) ??
    keptOf(directory, checkpoint?.task_id ?? task_id).find(({ epoch }) => epoch === checkpoint?.epoch);
  if (found === undefined) return null;
  const { path } = found;
  if (!existsSync(path)) return null;
  const { base, gone } = readMark(path);
  return { path, base, gone };
}
