import type { ObjectSchema } from '../kit/schema.ts';

/**
 * A slot is a request for capacity, from its arrival to its end: `queued`, `offered` (to `agent_id`) or `accepted` (by it).
 * What has ended moves to `ended_slots`, a tombstone that makes late and repeated calls harmless.
 */
export const REGISTRY_SCHEMA: ObjectSchema = {
  object: 'AgentRegistry',
  steps: [
    {
      id: 'agent-registry/0001_tables',
      sql: `
CREATE TABLE registry (
  one INTEGER PRIMARY KEY CHECK (one = 1), workspace TEXT NOT NULL, arrivals INTEGER NOT NULL
);
CREATE TABLE agents (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, instance_id TEXT NOT NULL, capacity INTEGER NOT NULL,
  capabilities TEXT NOT NULL, labels TEXT NOT NULL, repository TEXT, model TEXT, version TEXT NOT NULL,
  last_seen_at INTEGER NOT NULL, idle_since INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE slots (
  task_id TEXT NOT NULL, epoch INTEGER NOT NULL, session_id TEXT NOT NULL, state TEXT NOT NULL, agent_id TEXT,
  priority INTEGER NOT NULL, arrival INTEGER NOT NULL, requirements TEXT NOT NULL, declined TEXT NOT NULL,
  PRIMARY KEY (task_id, epoch)
) WITHOUT ROWID;
CREATE INDEX slots_in_order ON slots (state, priority, arrival);
CREATE INDEX slots_of_agents ON slots (agent_id) WHERE agent_id IS NOT NULL;
CREATE TABLE ended_slots (
  task_id TEXT NOT NULL, epoch INTEGER NOT NULL, ended_at INTEGER NOT NULL, PRIMARY KEY (task_id, epoch)
) WITHOUT ROWID;
`,
    },
    {
      id: 'agent-registry/0002_remotes',
      sql: `ALTER TABLE agents ADD COLUMN remotes TEXT NOT NULL DEFAULT '[]';`,
    },
    {
      id: 'agent-registry/0003_accepted',
      sql: `UPDATE slots SET state = 'accepted' WHERE state = 'taken';`,
    },
  ],
};
