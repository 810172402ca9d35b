import type { Assignment, Command } from '../../src/protocol/run/assignment.ts';
import type { NextLease } from '../../src/protocol/run/run-socket.ts';

/** The callbacks of a lease's stream. */
export interface LeaseEvents {
  /** The session granted the lease. Called once. */
  granted(assignment: Assignment): void;
  /** Called once for each command. The command is acknowledged when the promise resolves. */
  command(command: Command): Promise<void>;
  /** The session has been silent for so long that another agent may hold the lease. */
  quiet(): void;
  /** After `quiet`: this agent still holds the lease. */
  alive(): void;
  /** Frames can no longer be stored. Stop working: the stream gives the lease back, and the session ends it. */
  full(error: Error): void;
  /** The lease has ended, and the session has granted the next one to this agent. `over` follows. */
  passed(next: NextLease): void;
  /** The last call, made once. @param saved the frame of the newest checkpoint that the session has; 0 when it has none */
  over(how: LeaseEnd, reason: string, saved: number): void;
}

/** `ended`: finished; `lost`: taken away; `gone`: never granted; `deleted`: with the session, whose work goes too. */
export type LeaseEnd = 'ended' | 'lost' | 'gone' | 'deleted';
