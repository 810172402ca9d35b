import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isKept } from '../git/kept-worktrees.ts';
import type { Repository } from '../git/repository.ts';
import { WORKTREE_VARIABLE, worktreeMark } from '../process/lease-mark.ts';
import { endMarked } from '../process/processes.ts';
import { FrameBuffer } from './buffer.ts';
import { processClock } from './clock.ts';
import type { OpenConnection } from './connection.ts';
import { type LeaseEvents, LeaseStream } from './lease-stream.ts';

/**
 * Delivers the frames that killed processes of this agent left on disk, under the instance that held each lease. Then
 * releases the leases, so that their tasks need not wait until they expire. Deletes the buffers of leases that were
 * never granted.
 */
export function deliverBufferedFrames(
  buffers: string,
  repository: string,
  openConnection: OpenConnection,
  log: (line: string) => void,
  clock = processClock,
): { close(): void } {
  const streams = FrameBuffer.openAll(buffers, log).flatMap((buffer) => {
    const { task_id, epoch, granted } = buffer.lease;
    if (!granted) {
      buffer.drop();
      return [];
    }
    log(`delivering the remaining frames of ${task_id}, epoch ${epoch}`);
    const events: LeaseEvents = {
      granted: () => stream.append({ type: 'released', data: { reason: 'lost', message: 'The agent was killed.' } }),
      // No work runs that could handle commands. Without an acknowledgement, the session keeps them.
      command: () => Promise.reject(new Error('no work runs under this lease')),
      quiet: () => undefined,
      alive: () => undefined,
      full: (error) => log(`the remaining frames of ${task_id} cannot be stored: ${error.message}`),
      over: (how) => log(`delivered the remaining frames of ${task_id}, epoch ${epoch}: ${how}`),
    };
    const stream = new LeaseStream(buffer, repository, openConnection, events, clock);
    return [stream];
  });
  return {
    close: () => {
      for (const stream of streams) stream.close();
    },
  };
}

/**
 * Removes the worktrees that killed processes left behind, except kept ones, and ends the processes that still work in
 * them. Logs the ones that cannot be removed.
 */
export async function removeLeftoverWorktrees(
  repository: Pick<Repository, 'removeWorktree'>,
  directory: string,
  log: (line: string) => void,
): Promise<void> {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    // A git command of a checkpoint outlives a killed agent.
    await endMarked(WORKTREE_VARIABLE, worktreeMark(path));
    if (isKept(path)) continue;
    // For example, because a tool created files as another user.
    await repository
      .removeWorktree(path)
      .catch((error: Error) => log(`a leftover worktree cannot be removed: ${error.message}`));
  }
}
