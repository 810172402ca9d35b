import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { dropKept, dropReported, isKept, listKept } from '../git/kept-worktrees.ts';
import type { Repository } from '../git/repository.ts';
import { WORKTREE_VARIABLE, worktreeMark } from '../process/lease-mark.ts';
import { endMarked } from '../process/processes.ts';
import { FrameBuffer } from './buffer.ts';
import { processClock } from './clock.ts';
import type { OpenConnection } from './connection.ts';
import { findDeleted, type LeaseHolder } from './deleted-sessions.ts';
import type { LeaseEvents } from './lease-events.ts';
import { LeaseStream } from './lease-stream.ts';

/** What the session says about the work of leases whose processes were killed. */
export interface RecoveryEvents {
  /** It has the newest checkpoint that the lease has reported. */
  saved(lease: { task_id: string; epoch: number }): void;
  /** It was deleted, with all of its work. */
  deleted(lease: { task_id: string }): void;
}

export interface Recovery {
  /** The directories of the leases' buffers and worktrees. */
  buffers: string;
  worktrees: string;
  repository: Pick<Repository, 'removeWorktree' | 'rootCommit'>;
  agent: LeaseHolder;
  openConnection: OpenConnection;
  /** Whether a lease of the task is on this agent now. */
  isAtWork: (taskId: string) => boolean;
  log: (line: string) => void;
}

/**
 * Continues what killed processes of this agent left: delivers their frames, and removes kept worktrees whose work the
 * session has, or whose session was deleted.
 */
export function recover({ buffers, worktrees, repository, agent, openConnection, isAtWork, log }: Recovery): {
  close(): void;
} {
  const outcome = dropKeptWork(repository, worktrees, isAtWork, log);
  const leases = listKept(worktrees).map(({ lease }) => lease);
  const ended = leases.filter((lease) => !FrameBuffer.exists(buffers, lease));
  const parts = [
    deliverBufferedFrames(buffers, repository.rootCommit, openConnection, outcome, log),
    findDeleted(ended, agent, openConnection, outcome.deleted),
  ];
  return {
    close: () => {
      for (const part of parts) part.close();
    },
  };
}

/**
 * Delivers the frames that killed processes of this agent left on disk, under the instance that held each lease. Then
 * releases the leases, so that their tasks need not wait until they expire. Deletes the buffers of leases that were
 * never granted.
 */
export function deliverBufferedFrames(
  buffers: string,
  repository: string,
  openConnection: OpenConnection,
  outcome: RecoveryEvents,
  log: (line: string) => void,
  clock = processClock,
): { close(): void } {
  const streams = FrameBuffer.openAll(buffers, log).flatMap((buffer) => {
    const { task_id, epoch, granted } = buffer.lease;
    if (!granted) {
      buffer.drop();
      return [];
    }
    const newest = buffer.newestCheckpoint();
    log(`delivering the remaining frames of ${task_id}, epoch ${epoch}`);
    const events: LeaseEvents = {
      granted: () => stream.append({ type: 'released', data: { reason: 'lost', message: 'The agent was killed.' } }),
      // No work runs that could handle commands. Without an acknowledgement, the session keeps them.
      command: () => Promise.reject(new Error('no work runs under this lease')),
      quiet: () => undefined,
      alive: () => undefined,
      full: (error) => log(`the remaining frames of ${task_id} cannot be stored: ${error.message}`),
      over: (how, _, saved) => {
        log(`delivered the remaining frames of ${task_id}, epoch ${epoch}: ${how}`);
        if (how === 'deleted') outcome.deleted({ task_id });
        else if (newest !== null && newest <= saved) outcome.saved({ task_id, epoch });
      },
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
 * Removes kept worktrees that are not needed any more. A newer lease of the task may work in one, and then removes it
 * itself.
 */
export function dropKeptWork(
  repository: Pick<Repository, 'removeWorktree'>,
  directory: string,
  isAtWork: (taskId: string) => boolean,
  log: (line: string) => void,
): RecoveryEvents {
  const report = (error: Error) => log(`a kept worktree cannot be removed: ${error.message}`);
  return {
    saved: (lease) => {
      if (!isAtWork(lease.task_id)) dropReported(repository, directory, lease).catch(report);
    },
    deleted: ({ task_id }) => {
      if (!isAtWork(task_id)) dropKept(repository, directory, task_id).catch(report);
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
