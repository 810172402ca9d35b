import type { ObjectSchema } from '../kit/storage/schema.ts';

/**
 * The directory of a workspace's sessions. Lists filter and sort by columns. `summary` is the list item as JSON,
 * without its health, which is computed from other columns. It is the last column, so that only the rows of a page read
 * it. `search` is in lower case.
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
  search TEXT NOT NULL, share_done REAL NOT NULL, active_ms INTEGER NOT NULL, active_since INTEGER,
  max_duration_seconds INTEGER NOT NULL, summary TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_creation ON sessions (created_at, id);
CREATE TABLE removed (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, removed_at INTEGER NOT NULL) WITHOUT ROWID;
`,
    },
    {
      id: 'directory/0002_open_approvals',
      sql: `
ALTER TABLE sessions ADD COLUMN open_approvals INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET open_approvals = json_extract(summary, '$.open_approvals')
  WHERE json_extract(summary, '$.open_approvals') > 0;
CREATE INDEX sessions_waiting ON sessions (created_at, id) WHERE open_approvals > 0;
`,
    },
    {
      id: 'directory/0003_removed_by_time',
      sql: `CREATE INDEX removed_by_time ON removed (removed_at);`,
    },
    {
      // The agents of earlier entries have only their names. Their searches find ids, tags and errors too.
      id: 'directory/0004_agents_parents_and_search',
      sql: `
ALTER TABLE sessions ADD COLUMN agent_id TEXT;
ALTER TABLE sessions ADD COLUMN agent_name TEXT;
ALTER TABLE sessions ADD COLUMN parent TEXT;
UPDATE sessions SET
  agent_name = summary ->> '$.agent_name',
  summary = json_set(summary, '$.agent_id', NULL, '$.parent_session_id', NULL),
  search = search || char(10) || id || char(10)
    || lower((SELECT COALESCE(group_concat(value, char(10)), '') FROM json_each(tags)))
    || char(10) || lower(COALESCE(substr((summary ->> '$.error.code') || ': ' || (summary ->> '$.error.message'), 1, 300), ''));
CREATE INDEX sessions_of_parents ON sessions (parent, created_at, id) WHERE parent IS NOT NULL;
`,
    },
  ],
};
