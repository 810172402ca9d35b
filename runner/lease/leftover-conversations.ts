import { join, relative, sep } from 'node:path';
import { worktreeMark } from '../process/lease-mark.ts';
import { within } from '../process/within.ts';
import type { OpenCodePort } from '../work/opencode-port.ts';

/** OpenCode may be slow or hang, and nothing depends on the result. The next start of the agent continues. */
const LIMIT_MS = 10_000;
const MAX_LISTED = 1_000;

export type Conversations = Pick<OpenCodePort, 'listConversations' | 'forgetConversation'>;

/**
 * Deletes the conversations of worktrees that are no longer needed. Only logs a failure.
 *
 * @param worktrees the parent directory of worktrees
 * @param isLeftover whether a worktree, by its path in `worktrees`, is no longer needed
 */
export async function forgetConversations(
  opencode: Conversations,
  worktrees: string,
  isLeftover: (worktree: string) => boolean,
  log: (line: string) => void,
  limitMs = LIMIT_MS,
): Promise<void> {
  let isLate = false;
  const forget = async () => {
    for (const { id, directory } of await opencode.listConversations(MAX_LISTED)) {
      if (isLate) return;
      const worktree = worktreeOf(directory, worktrees);
      if (worktree !== null && isLeftover(worktree)) await opencode.forgetConversation(id);
    }
  };
  await within(limitMs, forget()).catch((error: Error) =>
    log(`conversations of ended work cannot be deleted: ${error.message}`),
  );
  isLate = true;
}

/** The worktree that holds a directory; null if none does. OpenCode may have resolved links in the path. */
function worktreeOf(directory: string, worktrees: string): string | null {
  for (const parent of [worktrees, worktreeMark(worktrees)]) {
    const [name = ''] = relative(parent, directory).split(sep);
    if (name !== '' && name !== '..') return join(worktrees, name);
  }
  return null;
}
