import type { ObjectPlatform } from './platform.ts';

/**
 * One step of a schema. `id` (`kit/0001_outbox`, `session/0002_name`) is for ever: it is what an object remembers.
 * Statements of `sql` are separated by `;` at the end of a line. `run` is for what SQL cannot say; it gets the platform
 * inside the transaction, and reads and writes through `exec` alone.
 */
export type MigrationStep =
  | { readonly id: string; readonly sql: string }
  | { readonly id: string; run(platform: ObjectPlatform): void };

/**
 * A class of objects and the steps that make its tables, oldest first. Steps are appended, never edited, reordered or
 * removed. They are additive: after a rollback the previous release works on the tables of this one.
 */
export interface ObjectSchema {
  /** The class, for errors. */
  readonly object: string;
  readonly steps: readonly MigrationStep[];
  /**
   * The tables as all steps leave them, for an object that is made today: each statement that changes the schema writes
   * rows, and a new object need not pay for history. Kept true by a test, which names what differs.
   */
  readonly tables?: string;
}

/** What every object's schema begins with: deadlines, outbox, and the first answers to idempotency keys. */
export const KIT_STEPS: readonly MigrationStep[] = [
  {
    id: 'kit/0001_outbox',
    sql: `
CREATE TABLE deadlines (name TEXT PRIMARY KEY, due_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
  lane TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, rev INTEGER NOT NULL,
  rejections INTEGER NOT NULL DEFAULT 0, parked_at INTEGER, last_error TEXT, PRIMARY KEY (lane, key)
) WITHOUT ROWID;
CREATE TABLE outbox_lanes (lane TEXT PRIMARY KEY, failures INTEGER NOT NULL, next_at INTEGER NOT NULL) WITHOUT ROWID;
`,
  },
  {
    id: 'kit/0002_idempotency',
    sql: `
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
`,
  },
];
