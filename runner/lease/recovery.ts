import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NextLease } from '../../src/protocol/run/run-socket.ts';
import { dropKept, dropReported, isKept, listKept } from '../git/kept-worktrees.ts';
import type { Repository } from '../git/repository.ts';
import { endOfWorktree, worktreeMark } from '../process/lease-mark.ts';
import { isTemporaryRecord, removeLeftoverTemporaries } from '../process/temporary-directory.ts';
import { type BufferedLease, FrameBuffer } from './buffer.ts';
import { processClock } from './clock.ts';
import type { OpenConnection } from './connection.ts';
import { findDeleted, type LeaseHolder } from './deleted-sessions.ts';
import { fewAtATime } from './few-at-a-time.ts';
import type { LeaseEvents } from './lease-events.ts';
import { LeaseStream } from './lease-stream.ts';
import { type Conversations, forgetConversations } from './leftover-conversations.ts';
import { RunSockets } from './run-sockets.ts';

/** The most leases whose frames are delivered at a time. */
const MAX_STREAMS = 8;
/** A session that does not answer for so long does not keep the frames of the other leases waiting. */
const TURN_MS = 30_000;

/** A process that only delivers frames gets no work. */
const NOTHING = { capabilities: [], labels: [] };

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
  opencode: Conversations;
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
export function recover({ buffers, worktrees, repository, opencode, agent, openConnection, isAtWork, log }: Recovery): {
  close(): void;
} {
  const outcome = dropKeptWork(repository, opencode, worktrees, isAtWork, log);
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
 * never granted. Only a few are delivered at a time, because an agent that was killed often may have left many.
 */
export function deliverBufferedFrames(
  buffers: string,
  repository: string | null,
  openConnection: OpenConnection,
  outcome: RecoveryEvents,
  log: (line: string) => void,
  clock = processClock,
): { close(): void } {
  const waiting = new Set<FrameBuffer>();
  for (const buffer of FrameBuffer.openAll(buffers, log)) {
    if (buffer.lease.granted) waiting.add(buffer);
    else buffer.drop();
  }
  const sockets = new RunSockets(openConnection, NOTHING, clock);
  const open = (buffer: FrameBuffer, over: () => void): LeaseStream => {
    const { task_id, epoch } = buffer.lease;
    const newest = buffer.newestCheckpoint();
    waiting.delete(buffer);
    log(`delivering the remaining frames of ${task_id}, epoch ${epoch}`);
    const events: LeaseEvents = {
      granted: () => stream.append({ type: 'released', data: { reason: 'lost', message: 'The agent was killed.' } }),
      // No work runs that could handle commands. Without an acknowledgement, the session keeps them.
      command: () => Promise.reject(new Error('no work runs under this lease')),
      quiet: () => undefined,
      alive: () => undefined,
      passed: (next) => giveBack(next, buffer.lease),
      full: (error) => log(`the remaining frames of ${task_id} cannot be stored: ${error.message}`),
      over: (how, _, saved) => {
        log(`delivered the remaining frames of ${task_id}, epoch ${epoch}: ${how}`);
        if (how === 'deleted') outcome.deleted({ task_id });
        else if (newest !== null && newest <= saved) outcome.saved({ task_id, epoch });
        over();
      },
    };
    const stream = new LeaseStream(buffer, { repository }, sockets, events, clock);
    return stream;
  };
  // The killed process has not heard of its next lease.
  const next = new Set<LeaseStream>();
  const giveBack = ({ assignment, stream_id }: NextLease, { proof: _, granted: __, ...holder }: BufferedLease) => {
    const { task_id, epoch } = assignment;
    const buffer = FrameBuffer.create(buffers, { ...holder, task_id, epoch, stream_id });
    buffer.markGranted();
    const stream: LeaseStream = open(buffer, () => next.delete(stream));
    next.add(stream);
  };
  const places = { most: MAX_STREAMS, turn: { ms: TURN_MS, clock } };
  const streams = fewAtATime([...waiting], places, open);
  return {
    close: () => {
      streams.close();
      for (const stream of next) stream.close();
      for (const buffer of waiting) buffer.close();
      waiting.clear();
    },
  };
}

/**
 * Removes kept worktrees that are not needed any more, and the conversations of deleted sessions. A newer lease of the
 * task may work in one, and then removes it itself.
 */
export function dropKeptWork(
  repository: Pick<Repository, 'removeWorktree'>,
  opencode: Conversations,
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
      if (!isAtWork(task_id)) dropDeleted(repository, opencode, directory, task_id, log).catch(report);
    },
  };
}

/** Removes the kept worktrees of a deleted session's task, and their conversations. */
export async function dropDeleted(
  repository: Pick<Repository, 'removeWorktree'>,
  opencode: Conversations,
  directory: string,
  taskId: string,
  log: (line: string) => void,
): Promise<void> {
  const dropped = await dropKept(repository, directory, taskId);
  if (dropped.length === 0) return;
  await forgetConversations(opencode, directory, (worktree) => dropped.includes(worktree), log);
}

/**
 * Removes the worktrees that killed processes left behind, except kept ones, and ends the processes that still work in
 * them. Then removes the temporary directories of all. Logs the ones that cannot be removed.
 */
export async function removeLeftoverWorktrees(
  repository: Pick<Repository, 'removeWorktree'>,
  directory: string,
  log: (line: string) => void,
): Promise<void> {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory).filter((one) => !isTemporaryRecord(one))) {
    const path = join(directory, name);
    // A git command of a checkpoint outlives a killed agent.
    await endOfWorktree(worktreeMark(path));
    if (isKept(path)) continue;
    // For example, because a tool created files as another user.
    await repository
      .removeWorktree(path)
      .catch((error: Error) => log(`a leftover worktree cannot be removed: ${error.message}`));
  }
  await removeLeftoverTemporaries(directory, log);
}
