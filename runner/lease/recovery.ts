import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isKept } from '../git/kept-worktrees.ts';
import type { Repository } from '../git/repository.ts';
import { FrameBuffer } from './buffer.ts';
import type { OpenConnection } from './connection.ts';
import { LeaseStream } from './lease-stream.ts';

/**
 * Delivers what killed processes of this agent had on disk, under the instance that held each lease, and gives the
 * lease back, so that nobody waits for it to expire. One that was never granted has nothing to deliver.
 */
export function deliverLeftovers(
  buffers: string,
  repository: string,
  openLine: OpenConnection,
  log: (line: string) => void,
): { close(): void } {
  const streams = FrameBuffer.openAll(buffers).flatMap((buffer) => {
    const { task_id, epoch, granted } = buffer.lease;
    if (!granted) {
      buffer.drop();
      return [];
    }
    log(`delivering what was left of ${task_id}, epoch ${epoch}`);
    const stream: LeaseStream = new LeaseStream(buffer, repository, openLine, {
      granted: () => stream.append({ type: 'released', data: { reason: 'lost', message: 'The agent was killed.' } }),
      // Its commands are for work that no longer runs; they stay with the session for the next lease.
      command: () => Promise.reject(new Error('no work runs under this lease')),
      quiet: () => undefined,
      alive: () => undefined,
      over: (how) => log(`delivered what was left of ${task_id}, epoch ${epoch}: ${how}`),
    });
    return [stream];
  });
  return {
    close: () => {
      for (const stream of streams) stream.close();
    },
  };
}

/** Removes the worktrees of processes that were killed, but for those that are kept and those that resist. */
export async function removeLeftWorktrees(
  repository: Pick<Repository, 'removeWorktree'>,
  directory: string,
  log: (line: string) => void,
): Promise<void> {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (isKept(path)) continue;
    // Such as files that a tool made as another user.
    await repository
      .removeWorktree(path)
      .catch((error: Error) => log(`a worktree that was left cannot be removed: ${error.message}`));
  }
}
