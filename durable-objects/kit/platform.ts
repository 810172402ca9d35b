import type { Logger } from '../../src/ports/logger.ts';

/**
 * What a runtime needs of the machine it lives on. A Durable Object gives it in production (`durable-object.ts`); a
 * process with SQLite gives it in simulations. Nothing else of the platform is visible to a runtime.
 */
export type SqlValue = string | number | null;
export type SqlRow = Record<string, SqlValue>;

export interface ObjectPlatform {
  /** Runs one statement and returns its rows. Values are always bound, never part of the text. */
  exec(query: string, bindings: SqlValue[]): SqlRow[];
  /** Runs `body` in one durable transaction: all of it, or nothing when it throws. Not nestable. */
  transaction<T>(body: () => T): T;
  /** The one alarm of the object: a time in ms, or null for none. Part of the transaction that it is called in. */
  setAlarm(at: number | null): void;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  uuid(): string;
  /** Keeps the object alive until `work` has settled. `work` never rejects. */
  background(work: Promise<void>): void;
  /** Writes one line, with the object’s name in it. */
  readonly logger: Logger;
  /** Open sockets, all or those with a tag. */
  sockets(tag?: string): ObjectSocket[];
}

/** A hibernatable socket. Its attachment survives hibernation with it (2 KiB at most). */
export interface ObjectSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
  attachment(): unknown;
  attach(value: unknown): void;
  /** When the runtime last answered a ping on it, without waking the object; null before the first. */
  lastPingAt(): number | null;
  /** Equal for two handles of the same socket. */
  readonly id: unknown;
}
