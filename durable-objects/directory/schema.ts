import type { ObjectSchema } from '../kit/schema.ts';

/**
 * The directory of a workspace's sessions. Lists filter and sort by the columns before `entry`. `entry` has the rest
 * and is the last column, so that it is read only for the rows of a page. `search` is in lower case.
 */
export const DIRECTORY_SCHEMA: ObjectSchema = {
  object: 'Directory',
  steps: [
    {
      id: 'directory/0001_tables',
      sql: `
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, rev INTEGER NOT NULL, status TEXT NOT NULL, session_type TEXT NOT NULL, priority TEXT NOT NULL,
  title TEXT NOT NULL COLLATE NOCASE, tags TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  search TEXT NOT NULL, entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_creation ON sessions (created_at, id);
CREATE TABLE removed (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, removed_at INTEGER NOT NULL) WITHOUT ROWID;
`,
    },
  ],
};
