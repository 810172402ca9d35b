import type { Assignment, Command } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { Worktree } from '../git/worktree.ts';

/** Why a lease is released without a result. */
export type ReleaseReason = Extract<AgentFrameBody, { type: 'released' }>['data']['reason'];

/** How a lease ends. */
export interface LeaseClose {
  /** The session was deleted, so that nothing of its work is to stay. */
  isDeleted?: boolean | undefined;
  /** The work of the agent's next lease, which may go on in the worktree. */
  next?: Assignment | null;
}

/** The work of one lease, of any kind of task. */
export interface LeaseWork {
  /** Runs until the lease is released or {@link cancel} is called. Failures become frames; the promise never rejects. */
  run(): Promise<void>;
  /** Handles a command from the session; resolves when the session need not send it again. */
  command(command: Command): Promise<void>;
  /** Releases the lease after the current step, at the latest after `withinMs`. */
  end(reason: ReleaseReason, message: string, withinMs: number): void;
  /** The session has been silent for so long that another agent may hold the lease. */
  quiet(): void;
  /** After {@link quiet}: this agent still holds the lease. */
  alive(): void;
  /** Nothing more can be reported. What holds the only copy of the work stays. */
  keep(): void;
  /** The lease is lost or has ended: reports nothing more. */
  cancel(): void;
  /**
   * After {@link run} has resolved: removes what the lease has on this machine.
   * @returns the worktree, if the next lease starts from its work
   */
  dispose(close?: LeaseClose): Promise<Worktree | null>;
}
