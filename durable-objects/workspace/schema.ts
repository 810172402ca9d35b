import type { ObjectSchema } from '../kit/storage/schema.ts';

/**
 * Times are in ms since the epoch. `used_codes` stores a code's id until the code expires. `sockets` stores the open
 * sockets of tokens. `socket_places` is no longer used. `created_by` is the id of the token that made this one or its
 * code; null if `OIO_TOKEN` made it. `signed_in_by` is null unless the token came from a sign-in code. In that case, it
 * is the id of the token that made the code, or an empty text if `OIO_TOKEN` made it.
 */
export const WORKSPACE_SCHEMA: ObjectSchema = {
  object: 'Workspace',
  steps: [
    {
      id: 'workspace/0001_tokens',
      sql: `
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, revoked_at INTEGER
) WITHOUT ROWID;
CREATE TABLE used_codes (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE socket_places (
  token_id TEXT NOT NULL, kind TEXT NOT NULL, place_id TEXT NOT NULL, PRIMARY KEY (token_id, kind, place_id)
) WITHOUT ROWID;
`,
    },
    {
      id: 'workspace/0002_sockets',
      sql: `
CREATE TABLE sockets (
  token_id TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, place_id TEXT NOT NULL, PRIMARY KEY (token_id, id)
) WITHOUT ROWID;
INSERT INTO sockets SELECT token_id, kind || '/' || place_id, kind, place_id FROM socket_places;
DELETE FROM socket_places;
`,
    },
    { id: 'workspace/0003_sign_ins', sql: `ALTER TABLE tokens ADD COLUMN signed_in_by TEXT;` },
    {
      // Only a workspace has so many outcomes, and so long ones, that a purge must not read them all.
      id: 'workspace/0004_outcomes_by_time',
      sql: `CREATE INDEX idempotency_by_time ON idempotency (at);`,
    },
    { id: 'workspace/0005_last_use', sql: `ALTER TABLE tokens ADD COLUMN last_used_at INTEGER;` },
    {
      id: 'workspace/0006_created_by',
      sql: `
ALTER TABLE tokens ADD COLUMN created_by TEXT;
UPDATE tokens SET created_by = NULLIF(signed_in_by, '');
`,
    },
    {
      id: 'workspace/0007_task_templates',
      sql: `CREATE TABLE task_templates (name TEXT PRIMARY KEY, body TEXT NOT NULL, updated_at INTEGER NOT NULL) WITHOUT ROWID;`,
    },
  ],
};
