import { counted } from '../../src/domain/counted.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import { truncated } from '../../src/protocol/common/text.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { Work } from '../../src/protocol/run/start.ts';
import { findKept } from '../git/kept-worktrees.ts';
import type { Worktree } from '../git/worktree.ts';
import { note } from '../note.ts';
import { fetchVerified } from './artifact-bytes.ts';
import { WorkContextError } from './failures.ts';
import { lacksOf, type Restoration, restoreFiles } from './restoration.ts';
import { type Beginning, begin, type StartDependencies } from './start.ts';
import { worktreePath } from './worktree-path.ts';

export interface OpenedWorktree {
  worktree: Worktree;
  beginning: Beginning;
  /** What it has of the work before this lease. */
  restoration: Restoration;
  /** The hash of the commit with which this lease starts; null if nobody knows what is in the worktree. */
  startCommit: string | null;
  /** Whether it is the base commit, without any work. */
  isPristine: boolean;
}

interface OpenDependencies extends StartDependencies {
  report: (frame: AgentFrameBody) => void;
  /** The worktree that the lease before has left for this one; null if there is none. */
  takeOver?: () => Worktree | null;
}

/**
 * The worktree that this agent has kept for the same work, or a new one with the work from which the task starts, and on
 * top of it what the task's own checkpoint has.
 * @throws as `begin`
 */
export async function openWorktree(assignment: Assignment, dependencies: OpenDependencies): Promise<OpenedWorktree> {
  const { repository, worktreesDirectory, report, takeOver } = dependencies;
  const left = takeOver?.() ?? null;
  if (left !== null) {
    const beginning = await begin(assignment, left.base, dependencies);
    report(note('info', 'The work goes on in the worktree of the task before.'));
    const startCommit = beginning.commitOf(await repository.treeOf(beginning.head));
    return { worktree: left, beginning, restoration: { type: 'whole' }, startCommit, isPristine: false };
  }
  const kept = findKept(worktreesDirectory, assignment);
  if (kept !== null) {
    const beginning = await begin(assignment, kept.base, dependencies);
    report(note('info', 'The work continues in the worktree that this agent has kept.'));
    const { gone } = kept;
    const restoration: Restoration = gone.length === 0 ? { type: 'whole' } : { type: 'incomplete', gone };
    const worktree = await repository.openWorktree(kept.path, kept.base);
    return { worktree, beginning, restoration, startCommit: beginning.own?.commit ?? null, isPristine: false };
  }
  const base = await baseOf(assignment, dependencies);
  const beginning = await begin(assignment, base, dependencies);
  const { head, own } = beginning;
  const worktree = await repository.addWorktree(worktreePath(worktreesDirectory, assignment), base, head);
  if (own === null) {
    report(note('info', await startText(assignment, beginning, dependencies)));
    const gone = lacksOf(beginning.others);
    const restoration: Restoration = gone.length === 0 ? { type: 'whole' } : { type: 'incomplete', gone };
    const startCommit = beginning.commitOf(await repository.treeOf(head));
    return { worktree, beginning, restoration, startCommit, isPristine: head === base };
  }
  return { worktree, beginning, ...(await restoreOwn(worktree, own, beginning, dependencies)), isPristine: false };
}

async function baseOf({ start, checkpoint, repository }: Assignment, dependencies: OpenDependencies): Promise<string> {
  const known = start?.base_commit ?? checkpoint?.base_commit ?? null;
  const { base_commit, ref } = repository;
  if (known === null && ref !== undefined) return dependencies.repository.resolveBranch(ref);
  return dependencies.repository.resolve(known ?? base_commit);
}

/** @throws WorkContextError when the own work has become other files here than where it was done */
async function restoreOwn(
  worktree: Worktree,
  own: Work,
  { commitOf }: Beginning,
  { fetchArtifact }: OpenDependencies,
): Promise<Pick<OpenedWorktree, 'restoration' | 'startCommit'>> {
  const { patch_artifact_id: id, patch_sha256, commit } = own;
  const patch = id === null ? null : await fetchVerified(fetchArtifact, id, patch_sha256);
  const { tree, ...restoration } = await restoreFiles(worktree, own, patch);
  const startCommit = tree === null ? null : commitOf(tree);
  const isOther = commit !== null && startCommit !== null && startCommit !== commit;
  if (!isOther || restoration.type !== 'whole') return { restoration, startCommit };
  throw new WorkContextError(
    `Checkpoint ${own.checkpoint} is the commit ${commit} where it was taken, and ${startCommit} in this clone: its patch makes other files here.`,
  );
}

async function startText(
  { repository: { ref }, start }: Assignment,
  { base, head, others }: Beginning,
  { repository }: OpenDependencies,
): Promise<string> {
  if (others.length > 0) {
    const tasks = [...new Set(others.map(({ task_id }) => taskNumber(task_id)))].join(', ');
    const merged =
      others.length === 1 ? 'The work starts from that of task' : 'The work starts from the merged work of tasks';
    return `${merged} ${truncated(tasks, 200)} (commit ${head.slice(0, 10)}).`;
  }
  const isNewest = ref !== undefined && !start?.base_commit;
  const behind = isNewest ? 0 : await repository.uncommitted();
  const without = behind === 0 ? '' : `, without ${counted(behind, 'uncommitted file')} of the clone`;
  return `The work starts from commit ${truncated(await repository.describe(base), 100)}${without}.`;
}
