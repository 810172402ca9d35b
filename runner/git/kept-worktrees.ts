import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Assignment } from '../../src/protocol/run/assignment.ts';

/**
 * A worktree that holds the only copy of its work is kept. A file with this suffix beside it marks it. Its first line has
 * words: the commit that the work started from, the lease that worked there last, perhaps `reported`, and from which
 * works of other tasks its own was made. Each further line names work from before that the worktree lacks.
 */
const KEPT_SUFFIX = '.kept';
/** The worktree holds nothing that a reported checkpoint does not hold. */
const REPORTED = 'reported';
const FROM = 'from:';

/** A lease whose work is in a worktree. */
interface Worker {
  task_id: string;
  epoch: number;
  /** From which works of other tasks its own is made; see `originOf`. Absent if nobody has said. */
  origin?: string | undefined;
}

/**
 * Names the works from which that of a lease is made, by their checkpoints, which never change. A task before that was
 * done again has another one. Undefined if the session does not say.
 */
export function originOf({ start, task_id }: Pick<Assignment, 'start' | 'task_id'>): string | undefined {
  if (!start) return undefined;
  const { from, parents, works } = start;
  const own = new Set(works.filter((work) => work.task_id === task_id).map(({ checkpoint }) => checkpoint));
  return (parents.length > 0 ? parents : from.filter((one) => !own.has(one))).join('+');
}

type WorktreeRemover = { removeWorktree(path: string): Promise<void> };

/** A worktree that an earlier lease kept, because no checkpoint could hold its work. */
export interface KeptWorktree {
  path: string;
  base: string;
  /** What the worktree lacks of the work before, one phrase each. */
  gone: string[];
}

/** The kept worktrees in a directory of worktrees, the oldest first. Their name is the task's id and the epoch. */
export function listKept(directory: string): (KeptWorktree & { name: string; lease: Worker; keptAt: Date })[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => file.endsWith(KEPT_SUFFIX))
    .map((file) => {
      const name = file.slice(0, -KEPT_SUFFIX.length);
      const path = join(directory, name);
      const { base, gone, worker } = readMark(path);
      return { name, path, base, gone, lease: worker, keptAt: statSync(join(directory, file)).mtime };
    })
    .sort((a, b) => a.keptAt.getTime() - b.keptAt.getTime());
}

/**
 * Marks a worktree as kept: neither the end of its lease nor the start after a kill removes it.
 * @param worker the lease that works there, which need not be the one that made it
 */
export function markKept(path: string, base: string, gone: readonly string[] = [], worker = leaseOf(path)): void {
  writeMark(path, { base, gone, worker, isReported: false });
}

/** Notes in the mark that a checkpoint with all of the worktree's work was reported, but is not confirmed yet. */
export function markReported(path: string): void {
  writeMark(path, { ...readMark(path), isReported: true });
}

/** Deletes the worktree of a lease if it was kept only until the session has the checkpoint that was reported last. */
export async function dropReported(
  repository: WorktreeRemover,
  directory: string,
  { task_id, epoch }: { task_id: string; epoch: number },
): Promise<void> {
  const found = keptOf(directory, task_id).find(({ worker }) => worker.epoch <= epoch);
  if (found?.isReported) await dropOne(repository, found.path);
}

interface Mark {
  base: string;
  gone: readonly string[];
  worker: Worker;
  isReported: boolean;
}

function writeMark(path: string, { base, gone, worker, isReported }: Mark): void {
  const { task_id, epoch, origin } = worker;
  const from = origin === undefined ? [] : [FROM + origin];
  const first = [base, `${task_id}-${epoch}`, ...(isReported ? [REPORTED] : []), ...from].join(' ');
  const lines = gone.map((what) => what.replaceAll(/\s+/g, ' '));
  writeFileSync(`${path}${KEPT_SUFFIX}`, [first, ...lines].join('\n'));
}

/** A mark of an earlier version names no lease; it is the one that made the worktree. */
function readMark(path: string): Mark & { gone: string[] } {
  const [first = '', ...gone] = readFileSync(`${path}${KEPT_SUFFIX}`, 'utf8').trim().split('\n');
  const [base = '', ...words] = first.split(' ');
  const origin = words.find((word) => word.startsWith(FROM))?.slice(FROM.length);
  const lease = leaseOf(words.find((word) => word !== REPORTED && !word.startsWith(FROM)) ?? path);
  const worker = origin === undefined ? lease : { ...lease, origin };
  return { base, gone, worker, isReported: words.includes(REPORTED) };
}

/** The lease that has given a worktree its name. */
function leaseOf(path: string): Worker {
  const name = basename(path);
  const dash = name.lastIndexOf('-');
  return { task_id: name.slice(0, dash), epoch: Number(name.slice(dash + 1)) };
}

/** Deletes the kept worktrees of a task. @returns their paths */
export async function dropKept(repository: WorktreeRemover, directory: string, taskId: string): Promise<string[]> {
  const paths = keptOf(directory, taskId).map(({ path }) => path);
  for (const path of paths) await dropOne(repository, path);
  return paths;
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

/** The worktrees in which leases of a task have worked last, the newest first. */
function keptOf(directory: string, taskId: string): (Mark & { path: string; gone: string[] })[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => file.endsWith(KEPT_SUFFIX))
    .map((file) => join(directory, file.slice(0, -KEPT_SUFFIX.length)))
    .map((path) => ({ path, ...readMark(path) }))
    .filter(({ worker }) => worker.task_id === taskId)
    .sort((a, b) => b.worker.epoch - a.worker.epoch);
}

/**
 * Finds a kept worktree whose work is ahead of the assignment's checkpoint: the newest one of the same task that is not
 * older than the checkpoint and was made from the same works of other tasks, or else the one from which the checkpoint of
 * another task was taken. Null if there is none, or if a person has chosen another start.
 */
export function findKept(directory: string, assignment: Assignment): KeptWorktree | null {
  const { task_id, checkpoint } = assignment;
  if (assignment.is_start_chosen) return null;
  const oldest = checkpoint?.task_id === task_id ? checkpoint.epoch : 0;
  const origin = originOf(assignment);
  const isSame = (of: Worker) => of.origin === undefined || origin === undefined || of.origin === origin;
  const found =
    keptOf(directory, task_id).find(({ worker }) => worker.epoch >= oldest && isSame(worker)) ??
    (checkpoint !== null && checkpoint.task_id !== task_id
      ? keptOf(directory, checkpoint.task_id).find(({ worker }) => worker.epoch === checkpoint.epoch)
      : undefined);
  if (found === undefined) return null;
  const { path, base, gone } = found;
  return existsSync(path) ? { path, base, gone } : null;
}
