import type { ObjectPlatform } from '../platform/platform.ts';

/**
 * One step of a schema. Objects store the `id` (`kit/0001_outbox`, `session/0002_name`) of each applied step, so it
 * must never change. The statements of `sql` are separated by `;` at the end of a line. `run` is for changes that SQL
 * cannot express; it is called inside the transaction and must read and write only through `exec`.
 */
export type MigrationStep =
  | { readonly id: string; readonly sql: string }
  | { readonly id: string; run(platform: ObjectPlatform): void };

/**
 * A class of objects and the steps that create its tables, oldest first. Steps are appended; never edit, reorder or
 * remove one. Steps must be additive, so that the previous release still works after a rollback.
 */
export interface ObjectSchema {
  /** The class, for errors. */
  readonly object: string;
  readonly steps: readonly MigrationStep[];
  /**
   * The tables that result from all steps, for new objects. Each statement that changes the schema writes rows, so a
   * new object is cheaper with this script than with all steps. A test checks that both lead to the same tables.
   */
  readonly tables?: string;
}

/** The kit's tables after all steps: deadlines, outbox, and the outcomes of idempotency keys. */
export const KIT_TABLES = `
CREATE TABLE deadlines (one INTEGER PRIMARY KEY CHECK (one = 1), due TEXT NOT NULL);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, due_at INTEGER, entries TEXT NOT NULL);
CREATE TABLE destinations (name TEXT PRIMARY KEY, failures INTEGER NOT NULL, next_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
`;

/**
 * The steps of the kit. They run before the object's own steps, so a step of an object finds the newest tables of the
 * kit even when it upgrades an old object.
 */
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
  {
    // Due times were stored by lane before, so each waiting row is due at once.
    id: 'kit/0003_destinations',
    sql: `
ALTER TABLE outbox RENAME COLUMN lane TO destination;
ALTER TABLE outbox ADD COLUMN due_at INTEGER;
UPDATE outbox SET due_at = 0 WHERE parked_at IS NULL;
CREATE TABLE destinations (name TEXT PRIMARY KEY, failures INTEGER NOT NULL, next_at INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO destinations (name, failures, next_at) SELECT lane, failures, next_at FROM outbox_lanes WHERE failures > 0;
DROP TABLE outbox_lanes;
`,
  },
  {
    id: 'kit/0004_deadlines_in_one_row',
    sql: `
ALTER TABLE deadlines RENAME TO deadlines_by_name;
CREATE TABLE deadlines (one INTEGER PRIMARY KEY CHECK (one = 1), due TEXT NOT NULL);
INSERT INTO deadlines (one, due) SELECT 1, json_group_object(name, due_at) FROM deadlines_by_name;
DROP TABLE deadlines_by_name;
`,
  },
  {
    id: 'kit/0005_outbox_of_transactions',
    sql: `
ALTER TABLE outbox RENAME TO outbox_by_key;
CREATE TABLE outbox (id INTEGER PRIMARY KEY, due_at INTEGER, entries TEXT NOT NULL);
INSERT INTO outbox (due_at, entries)
  SELECT due_at, json_array(json_patch(
    json_object('destination', destination, 'key', key, 'payload', json(payload), 'rejections', rejections),
    json_object('parked_at', parked_at, 'last_error', last_error)
  )) FROM outbox_by_key;
DROP TABLE outbox_by_key;
`,
  },
];
