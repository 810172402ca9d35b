import type { Logger } from '../../../src/ports/logger.ts';

export type SqlValue = string | number | null;
export type SqlRow = Record<string, SqlValue>;

/**
 * The environment of a runtime, which uses nothing else. In production, a Durable Object implements it
 * (`durable-object.ts`). In simulations, SQLite in a Node process does.
 */
export interface ObjectPlatform {
  /** Runs one statement and returns its rows. Values are always bound and never part of the text. */
  exec(query: string, bindings: SqlValue[]): SqlRow[];
  /** Runs `body` in one durable transaction, which rolls back if `body` throws. Cannot be nested. */
  transaction<T>(body: () => T): T;
  /** Sets the object's alarm: a time in ms since the epoch, or null for none. Part of the current transaction. */
  setAlarm(at: number | null): void;
  /** Milliseconds since the epoch. */
  now(): number;
  /** A random number, uniform in [0, 1). */
  random(): number;
  uuid(): string;
  /** Keeps the object alive until `work` has settled. `work` must never reject. */
  background(work: Promise<void>): void;
  /** Writes log lines that contain the object's name. */
  readonly logger: Logger;
  /** The open sockets: all of them, or those with a tag. */
  sockets(tag?: string): ObjectSocket[];
}

/** A socket that survives hibernation, with an attachment of at most 2 KiB. */
export interface ObjectSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
  attachment(): unknown;
  attach(value: unknown): void;
  /** When the system last answered a ping on this socket without waking the object; null before the first ping. */
  lastPingAt(): number | null;
  /** Equal for two handles of the same socket. */
  readonly id: unknown;
}
