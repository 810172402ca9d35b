import type { ObjectSchema } from '../kit/storage/schema.ts';

/**
 * `base_parts`: JSON of the data and its stamps at `base_version`, cut into parts that fit a row. `changes`: what made
 * each later version. `fences`: see `Fences`. `parents`, `links` and `conflicts`: see `Merges` and `Lineage`. `secrets`: the places that are secret. The newest version is that of the newest change, so a change writes one row.
 */
export const CONTEXT_SCHEMA: ObjectSchema = {
  object: 'Context',
  steps: [
    {
      id: 'context/0001_journal',
      sql: `
CREATE TABLE context (
  one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, scope TEXT NOT NULL, session_id TEXT, agent_id TEXT,
  base_version INTEGER NOT NULL, created_at INTEGER NOT NULL, deleted_at INTEGER
);
CREATE TABLE base_parts (part INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE changes (
  version INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL, edits TEXT NOT NULL
);
`,
    },
    { id: 'context/0002_name', sql: `ALTER TABLE context ADD COLUMN name TEXT NOT NULL DEFAULT 'main';` },
    {
      id: 'context/0003_fences',
      sql: `CREATE TABLE fences (task_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;`,
    },
    {
      id: 'context/0004_merges',
      sql: `
CREATE TABLE parents (
  id TEXT NOT NULL, keys TEXT NOT NULL, version INTEGER NOT NULL, own_version INTEGER NOT NULL, PRIMARY KEY (id, keys)
) WITHOUT ROWID;
CREATE TABLE links (id TEXT PRIMARY KEY, keys TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE conflicts (
  n INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, base TEXT, source TEXT, source_id TEXT NOT NULL,
  source_version INTEGER NOT NULL, at_version INTEGER NOT NULL, at INTEGER NOT NULL
);
ALTER TABLE changes ADD COLUMN merged TEXT;
`,
    },
    { id: 'context/0005_retirement', sql: `ALTER TABLE context ADD COLUMN retired_version INTEGER;` },
    { id: 'context/0006_secrets', sql: `CREATE TABLE secrets (path TEXT PRIMARY KEY) WITHOUT ROWID;` },
  ],
};
