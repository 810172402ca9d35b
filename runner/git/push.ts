import { GitError, git } from './git.ts';

/** Why a branch could not be pushed. */
export interface PushRefusal {
  /** The remote has the branch, with other content. */
  isConflict: boolean;
  isRetryable: boolean;
  /** For people, without credentials. */
  reason: string;
}

const MAX_PUSH_MS = 300_000;
const MAX_SAID_CHARS = 1_000;
/** Git's words when the branch is not what the push expects. */
const MOVED = /\((stale info|fetch first|non-fast-forward|already exists)\)/;
const UNAUTHORIZED =
  /Authentication failed|could not read (Username|Password)|Permission (to .* )?denied|terminal prompts disabled|returned error: 40[13]|Host key verification failed/i;
/** Another push, such as that of a lease before this one, changes the branch at the same time. */
const RACE = /failed to update ref|cannot lock ref|reference already exists/;
const UNREACHABLE =
  /Could not resolve host|Connection (refused|reset|timed out)|Failed to connect|Operation timed out|early EOF|hung up unexpectedly|returned error: 5\d\d|Could not read from remote repository|unable to access|does not appear to be a git repository/i;

/**
 * Pushes a commit as a new branch. A branch that the remote has with the same commit was pushed before. Another one is
 * left as it is.
 *
 * @returns why it could not be pushed; null if the remote has it now
 */
export async function pushBranch(
  directory: string,
  { remote, branch, commit }: { remote: string; branch: string; commit: string },
): Promise<PushRefusal | null> {
  // Git would take another word for an address or a path.
  const remotes = (await git(directory, ['remote'])).toString('utf8').split('\n').filter(Boolean);
  if (!remotes.includes(remote)) {
    const has = remotes.length === 0 ? 'none' : remotes.join(', ');
    const reason = `The clone has no remote ${remote}, so the branch is only in the clone. Its remotes: ${has}.`;
    return { isConflict: false, isRetryable: false, reason };
  }
  const ref = `refs/heads/${branch}`;
  // The remote compares what it has with what is expected: nothing. Where nothing is, nothing can be overwritten.
  const onlyNew = `--force-with-lease=${ref}:`;
  const push = ['push', '--quiet', '--no-verify', '--no-follow-tags', '--no-signed', '--recurse-submodules=no'];
  try {
    await git(directory, [...push, onlyNew, remote, `${commit}:${ref}`], { maxMs: MAX_PUSH_MS });
    return null;
  } catch (error) {
    if (error instanceof GitError) return refusalOf(error.message, remote, branch);
    throw error;
  }
}

function refusalOf(message: string, remote: string, branch: string): PushRefusal {
  const said = `Git says: ${shown(message)}`;
  if (MOVED.test(message)) {
    const reason = `The remote ${remote} has a branch ${branch} with other content, which was left as it is. Deliver to another branch.`;
    return { isConflict: true, isRetryable: false, reason };
  }
  if (/\[remote rejected\]/.test(message)) {
    const isRetryable = RACE.test(message);
    return { isConflict: false, isRetryable, reason: `The remote ${remote} has refused the branch. ${said}` };
  }
  if (UNAUTHORIZED.test(message)) {
    const advice = `Let the user of the agent push to ${remote} without a prompt, such as with a credential helper or an SSH agent.`;
    return {
      isConflict: false,
      isRetryable: false,
      reason: `The remote ${remote} did not let the agent in. ${advice} ${said}`,
    };
  }
  const isRetryable = UNREACHABLE.test(message);
  const what = isRetryable ? 'cannot be reached' : 'did not take the branch';
  return { isConflict: false, isRetryable, reason: `The remote ${remote} ${what}. ${said}` };
}

/** What git has said, without hints, and without what may be a login in an address. */
function shown(message: string): string {
  const lines = message.split('\n').map((line) => line.trim());
  const told = lines.filter((line) => line !== '' && !/^(hint:|To )/.test(line) && !/^remote:\s*$/.test(line));
  return told
    .join(' ')
    .replaceAll(/:\/\/[^/\s@]*@/g, '://')
    .slice(0, MAX_SAID_CHARS);
}
