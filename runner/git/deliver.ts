import { changeClone } from './bookkeeping.ts';
import type { ClonePlace } from './fetch.ts';
import { GitError, git } from './git.ts';
import { writeCommit } from './merge.ts';
import { withPlumbing } from './plumbing.ts';
import { pushBranch } from './push.ts';
import { treeOf } from './rebuild.ts';

/** Work that is to become one commit on a new branch of the clone. The same order gives the same commit everywhere. */
export interface DeliveryOrder {
  /** The full hash of the commit from which the work started, which becomes the commit's parent. */
  base: string;
  /** All of the work against the base, packed or not. */
  patch: Uint8Array;
  branch: string;
  message: string;
  /** The time in the commit: whole seconds since the epoch. */
  at: number;
  /** The remote of the clone to which the branch is pushed; null if it is not. */
  remote: string | null;
  /** A place for temporary files, beside which there is nothing else: the path of the lease's worktree. */
  scratch: string;
}

/** What a delivery has come to. */
export interface DeliveryEnd {
  /**
   * `conflict`: the branch has other content, here or at the remote, so that it was left as it is. `failed`: anything
   * else, for which `reason` has words.
   */
  state: 'delivered' | 'conflict' | 'failed';
  /** Null if it could not be made. */
  commit: string | null;
  pushed: boolean;
  reason: string | null;
  /** Whether the same attempt may succeed later. */
  retryable: boolean;
}

const HEADS = 'refs/heads/';
const NO_COMMIT = '0000000000000000000000000000000000000000';

/**
 * Makes a commit of the work, lets a branch name it, and pushes the branch. What was done before is found and not done
 * again, so that the call can be repeated after a crash, also in another clone. No branch that exists moves, and no
 * checkout, index or HEAD of the clone changes.
 *
 * The author is not the person whose clone it is, who has not made the work. It is the same in each clone, so that an
 * agent that takes over makes the same commit.
 *
 * @throws what is no failure of git, such as the end of the lease (see `endingGitWith`)
 */
export async function deliver(clone: ClonePlace, order: DeliveryOrder): Promise<DeliveryEnd> {
  let commit: string;
  try {
    commit = await makeCommit(clone, order);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return end('failed', null, `The commit cannot be made: ${error.message}`);
  }
  const obstacle = await changeClone(clone.gitDirectory, () =>
    createBranch(clone.directory, order.branch, commit),
  ).catch((error: Error) => {
    if (error instanceof GitError) return end('failed', commit, `The branch cannot be made: ${error.message}`);
    throw error;
  });
  if (obstacle !== null) return typeof obstacle === 'string' ? end('conflict', commit, obstacle) : obstacle;
  if (order.remote === null) return end('delivered', commit);
  const refusal = await pushBranch(clone.directory, { ...order, remote: order.remote, commit });
  if (refusal === null) return { ...end('delivered', commit), pushed: true };
  const { isConflict, isRetryable, reason } = refusal;
  return { ...end(isConflict ? 'conflict' : 'failed', commit, reason), retryable: isRetryable };
}

function end(state: DeliveryEnd['state'], commit: string | null, reason: string | null = null): DeliveryEnd {
  return { state, commit, pushed: false, reason, retryable: false };
}

/** @returns the hash of the commit, which depends on nothing but the order */
function makeCommit(clone: ClonePlace, { base, patch, message, at, scratch }: DeliveryOrder): Promise<string> {
  return withPlumbing(clone, base, `${scratch}.deliver-`, async (plumbing) => {
    const tree = await treeOf(plumbing, base, patch);
    return writeCommit(plumbing, { tree, parents: [base], seconds: at, message: message.trim() });
  });
}

/** Lets a new branch name a commit. @returns why it cannot, because of another branch; null if it does */
async function createBranch(directory: string, branch: string, commit: string): Promise<string | null> {
  const ref = `${HEADS}${branch}`;
  const [first] = branch.split('/');
  const list = ['for-each-ref', '--format=%(objectname) %(refname)', `${HEADS}${first}`];
  for (const line of text(await git(directory, list))
    .split('\n')
    .filter(Boolean)) {
    const [at = '', other = ''] = line.split(' ');
    if (other === ref) return at === commit ? null : existsElsewhere(branch, at);
    // A branch is a file, which cannot be a directory too.
    if (other.startsWith(`${ref}/`) || ref.startsWith(`${other}/`)) {
      return `The clone has a branch ${other.slice(HEADS.length)}, so that it can have none with the name ${branch}. ${ADVICE}`;
    }
  }
  const worktrees = text(await git(directory, ['worktree', 'list', '--porcelain'])).split('\n');
  if (worktrees.includes(`branch ${ref}`)) {
    return `The branch ${branch} is checked out in the clone, where it has no commit yet. ${ADVICE}`;
  }
  // Git compares the old value again, when it has locked the branch.
  const none = NO_COMMIT.padEnd(commit.length, '0');
  await git(directory, ['update-ref', '-m', 'oio: delivered', ref, commit, none]);
  return null;
}

const ADVICE = 'Deliver to another branch.';

function existsElsewhere(branch: string, at: string): string {
  return `The branch ${branch} exists in the clone with other content, at ${at.slice(0, 10)}. ${ADVICE}`;
}

function text(output: Buffer): string {
  return output.toString('utf8').trim();
}
