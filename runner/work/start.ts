import { mkdir } from 'node:fs/promises';
import { MAX_PATH_CHARS } from '../../src/protocol/common/bounds.ts';
import type { ConflictSide } from '../../src/protocol/common/enums.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { ConflictReport, Resolution, Start, Work } from '../../src/protocol/run/start.ts';
import { type BytePath, pathText } from '../git/byte-path.ts';
import { GitError } from '../git/git.ts';
import { type MergeConflict, type MergeEnd, mergeAll } from '../git/merge.ts';
import type { Plumbing } from '../git/plumbing.ts';
import { committedAt, missingCommits, rebuildCommit } from '../git/rebuild.ts';
import type { Repository } from '../git/repository.ts';
import { takeSides } from '../git/resolution.ts';
import { commitId, workMessage } from '../git/task-commit.ts';
import { whyNoMerges } from '../git/version.ts';
import { fetchVerified } from './artifact-bytes.ts';
import { WorkContextError } from './failures.ts';
import { worktreePath } from './worktree-path.ts';

/** The works from which a task starts cannot be merged, so that the task cannot begin. */
export class WorksConflictError extends Error {
  override name = 'WorksConflictError';
  readonly report: ConflictReport;

  constructor(report: ConflictReport) {
    super('The works from which the task starts cannot be merged.');
    this.report = report;
  }
}

/** Where the worktree of a lease begins. */
export interface Beginning {
  /** The commit against which patches are made. */
  base: string;
  /** The commit that the worktree has checked out: the base, a work, or several that were merged. */
  head: string;
  /** The task's own work from before, which is to be restored on top of it; null if there is none. */
  own: Work | null;
  /** The works of other tasks that are in `head`. */
  others: readonly Work[];
  /** The conflict that this lease is to resolve, whose markers are in `head`; null if there is none. */
  conflict: MergeConflict | null;
  /** The hash of the commit of a checkpoint of this lease, by its tree. */
  commitOf: (tree: string) => string;
}

export interface StartDependencies {
  repository: Repository;
  worktreesDirectory: string;
  fetchArtifact: (artifactId: string) => Promise<Uint8Array>;
}

/**
 * Makes the commits from which a task starts, where the clone lacks them, and merges them. A hash that differs from that
 * of the agent which has done the work is never used.
 *
 * @param base the full hash of the session's base commit, which the clone has
 * @throws WorksConflictError when they cannot be merged, unless the task is to resolve that; WorkContextError when this
 *   agent cannot make or merge them; RepositoryError when the clone cannot get a commit
 */
export async function begin(assignment: Assignment, base: string, dependencies: StartDependencies): Promise<Beginning> {
  const { repository } = dependencies;
  const start = assignment.start ?? startOf(assignment.checkpoint);
  const seconds = await committedAt(repository.directory, base);
  const own = ownWork(assignment, start);
  const others = start.works.filter((work) => work !== own);
  const made =
    others.length === 0 ? null : await build(assignment, { start, own, others, base, seconds }, dependencies);
  const { commits = new Map<number, string>(), end = null } = made ?? {};
  const parents = start.parents.map((number) => commitFrom(commits, number));
  const facts = { parents: parents.length === 0 ? [base] : parents, seconds, message: workMessage(assignment.task_id) };
  return {
    base,
    head: end?.commit ?? base,
    own,
    others: own === null ? worksOf(start, start.from) : [],
    conflict: end?.type === 'conflict' && needsModel(assignment) ? end : null,
    commitOf: (tree) => commitId({ ...facts, tree }),
  };
}

/** Whether the model resolves the conflict, and not a person, whose choices the assignment has. */
function needsModel({ kind, resolution }: Assignment): boolean {
  return kind === 'resolve' && !resolution?.choices;
}

/** What a session of an earlier release says in the checkpoint alone: its work is the task's own. */
function startOf(checkpoint: Assignment['checkpoint']): Start {
  if (checkpoint === null) return { base_commit: null, from: [], parents: [], works: [] };
  const { number, task_id, base_commit, patch_artifact_id, patch_sha256, local_only, lacks } = checkpoint;
  if (base_commit === null) return { base_commit, from: [], parents: [], works: [] };
  const saved = { commit: null, patch_artifact_id, patch_sha256, local_only, lacks };
  return {
    base_commit,
    from: [number],
    parents: [],
    works: [{ checkpoint: number, task_id, parents: [], base_commit, ...saved }],
  };
}

/** The one work with which the task goes on as it was; null if it begins with what others have done. */
function ownWork({ start, task_id, checkpoint }: Assignment, { from, parents, works }: Start): Work | null {
  const [first] = worksOf({ works }, from);
  // One from which others were made stays, and what is made now follows it.
  if (from.length !== 1 || first === undefined || parents.includes(first.checkpoint)) return null;
  const isOwn = start === undefined ? first.checkpoint === checkpoint?.number : first.task_id === task_id;
  return isOwn ? first : null;
}

interface Plan {
  start: Start;
  own: Work | null;
  /** All other works, each after its parents. */
  others: readonly Work[];
  base: string;
  seconds: number;
}

/** Makes the commits of the other works, and merges those with which the worktree begins. */
async function build(
  assignment: Assignment,
  { start, own, others, base, seconds }: Plan,
  { repository, worktreesDirectory, fetchArtifact }: StartDependencies,
): Promise<{ commits: Map<number, string>; end: MergeEnd | null }> {
  await mkdir(worktreesDirectory, { recursive: true });
  for (const commit of new Set(others.map(({ base_commit }) => base_commit))) await repository.resolve(commit);
  return repository.plumbing(base, `${worktreePath(worktreesDirectory, assignment)}.start-`, async (plumbing) => {
    const commits = await buildCommits(plumbing, others, repository.directory, fetchArtifact);
    const sides = own === null ? start.from : start.parents;
    const end = sides.length === 0 ? null : await mergeWorks(plumbing, start, sides, commits, seconds);
    // A task that goes on with its own work began when this was merged.
    if (end?.type !== 'conflict' || own !== null) return { commits, end };
    if (assignment.kind !== 'resolve') throw new WorksConflictError(reportOf(end, sides));
    const choices = assignment.resolution?.choices ?? null;
    if (choices === null) return { commits, end };
    const commit = await takeSides(plumbing, end, (path) => chosen(choices, path), seconds);
    return { commits, end: { type: 'merged', commit } };
  });
}

/** The commits of works by their numbers. Makes those that the clone does not have. */
async function buildCommits(
  plumbing: Plumbing,
  works: readonly Work[],
  clone: string,
  fetchArtifact: StartDependencies['fetchArtifact'],
): Promise<Map<number, string>> {
  const missing = await missingCommits(
    plumbing,
    works.flatMap(({ commit }) => commit ?? []),
  );
  const commits = new Map<number, string>();
  for (const work of works) {
    const { checkpoint, commit, base_commit } = work;
    const isPresent = commit !== null && !missing.has(commit);
    const parents = work.parents.length === 0 ? [base_commit] : work.parents.map((one) => commitFrom(commits, one));
    const made = isPresent ? commit : await rebuild(plumbing, work, parents, clone, fetchArtifact);
    if (commit !== null && made !== commit) throw new WorkContextError(whatDiffers(work, made));
    commits.set(checkpoint, made);
  }
  return commits;
}

async function rebuild(
  plumbing: Plumbing,
  work: Work,
  parents: readonly string[],
  clone: string,
  fetchArtifact: StartDependencies['fetchArtifact'],
): Promise<string> {
  const { task_id, base_commit, patch_artifact_id, patch_sha256 } = work;
  const patch = patch_artifact_id === null ? null : await fetchVerified(fetchArtifact, patch_artifact_id, patch_sha256);
  const seconds = await committedAt(clone, base_commit);
  return rebuildCommit(plumbing, base_commit, { taskId: task_id, patch, parents }, seconds).catch((error: Error) => {
    if (!(error instanceof GitError)) throw error;
    throw new WorkContextError(`${nameOf(work)} cannot be made in this clone: ${error.message}`);
  });
}

/** All else that decides a commit is compared before, so only its files can differ. */
function whatDiffers(work: Work, made: string): string {
  return `${nameOf(work)} is the commit ${work.commit} where it was done, and ${made} in this clone: its patch makes other files here.`;
}

function nameOf({ task_id, checkpoint }: Work): string {
  return `The work of task ${taskNumber(task_id)} (checkpoint ${checkpoint})`;
}

async function mergeWorks(
  plumbing: Plumbing,
  start: Start,
  numbers: readonly number[],
  commits: ReadonlyMap<number, string>,
  seconds: number,
): Promise<MergeEnd> {
  const why = numbers.length > 1 ? await whyNoMerges(plumbing.directory) : null;
  if (why !== null) throw new WorkContextError(why);
  const sides = worksOf(start, numbers).map(({ checkpoint, task_id }) => ({
    label: `task-${taskNumber(task_id)}-checkpoint-${checkpoint}`,
    commit: commitFrom(commits, checkpoint),
  }));
  return mergeAll(plumbing, sides, seconds);
}

function reportOf({ ours, theirs, files, total }: MergeConflict, numbers: readonly number[]): ConflictReport {
  return {
    ours: ours.map((index) => numbers[index] as number),
    theirs: numbers[theirs] as number,
    files: files.map(({ path, kind, ours: first, theirs: second }) => ({
      path: pathText(path).slice(0, MAX_PATH_CHARS),
      kind,
      ours: first,
      theirs: second,
    })),
    total,
  };
}

function chosen(choices: NonNullable<Resolution['choices']>, path: BytePath): ConflictSide {
  const text = pathText(path);
  const choice = choices.find((one) => one.path === text) ?? choices.find((one) => one.path === null);
  if (choice !== undefined) return choice.side;
  throw new WorkContextError(`Nobody has chosen a side for ${text}, which is in conflict too.`);
}

function worksOf({ works }: Pick<Start, 'works'>, numbers: readonly number[]): Work[] {
  return numbers.flatMap((number) => works.find(({ checkpoint }) => checkpoint === number) ?? []);
}

function commitFrom(commits: ReadonlyMap<number, string>, number: number): string {
  const commit = commits.get(number);
  if (commit !== undefined) return commit;
  throw new WorkContextError(`The session names the work ${number}, and does not say what it is.`);
}
