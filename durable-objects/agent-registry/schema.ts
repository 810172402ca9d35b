import type { ObjectSchema } from '../kit/storage/schema.ts';

/**
 * A slot is a request for an agent's capacity. Its state is `queued`, `offered` or `accepted` (both with `agent_id`),
 * or `ended`. An ended slot is a tombstone, which makes late and repeated calls harmless. A slot that ended before it
 * was requested has only its key. The partial indexes leave out ended slots, so that tombstones cost no rows in them.
 *
 * `locks` has the locks that are held, `lock_waiters` their queues in the order of arrival, and `fencing_tokens` the
 * newest fencing token of the workspace. `agent_revisions` has the newest revision that was recorded in the history.
 */
const TABLES = `
CREATE TABLE agents (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, capacity INTEGER NOT NULL, capabilities TEXT NOT NULL, labels TEXT NOT NULL,
  repository TEXT, model TEXT, version TEXT NOT NULL, last_seen_at INTEGER NOT NULL, idle_since INTEGER NOT NULL,
  remotes TEXT NOT NULL DEFAULT '[]', token_id TEXT, secret_hash TEXT, agent_type TEXT NOT NULL DEFAULT 'implementer',
  preferred_technologies TEXT NOT NULL DEFAULT '[]', cost_per_token_usd REAL, tier TEXT NOT NULL DEFAULT 'competent',
  drain TEXT, own_token_id TEXT, hello_hash TEXT, duration_ms INTEGER, breaker TEXT, rev INTEGER NOT NULL DEFAULT 0,
  polled_at INTEGER
) WITHOUT ROWID;
CREATE INDEX agents_by_name ON agents (name);
CREATE TABLE agent_revisions (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL);
CREATE TABLE agent_results (
  agent_id TEXT NOT NULL, ended_at INTEGER NOT NULL, task_id TEXT NOT NULL, epoch INTEGER NOT NULL, status TEXT NOT NULL,
  own_fault INTEGER NOT NULL, duration_ms INTEGER NOT NULL, cost_usd REAL NOT NULL, session_type TEXT NOT NULL,
  capabilities TEXT NOT NULL, quality REAL, ratings INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (agent_id, ended_at, task_id, epoch)
) WITHOUT ROWID;
CREATE TABLE measured_times (
  capability TEXT NOT NULL, agent_type TEXT NOT NULL, logarithms REAL NOT NULL, results REAL NOT NULL,
  PRIMARY KEY (capability, agent_type)
) WITHOUT ROWID;
CREATE TABLE slots (
  arrival INTEGER PRIMARY KEY, task_id TEXT NOT NULL, epoch INTEGER NOT NULL, session_id TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL, priority TEXT NOT NULL DEFAULT '', requirements TEXT NOT NULL DEFAULT '{}',
  declined TEXT NOT NULL DEFAULT '{}', agent_id TEXT, offered_until INTEGER, ended_at INTEGER, queued_at INTEGER NOT NULL DEFAULT 0,
  proof_key TEXT NOT NULL DEFAULT '', moved TEXT, task_priority TEXT NOT NULL DEFAULT 'normal',
  joined_at INTEGER NOT NULL DEFAULT 0, passed_to TEXT, UNIQUE (task_id, epoch)
);
CREATE INDEX slots_waiting ON slots (priority) WHERE state = 'queued';
CREATE INDEX slots_of_agents ON slots (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX slots_moved ON slots (session_id) WHERE moved IS NOT NULL;
CREATE TABLE locks (
  resource TEXT PRIMARY KEY, token_id TEXT NOT NULL, owner TEXT NOT NULL, fencing_token INTEGER NOT NULL,
  ttl_ms INTEGER NOT NULL, acquired_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE lock_waiters (
  arrival INTEGER PRIMARY KEY, resource TEXT NOT NULL, token_id TEXT NOT NULL, owner TEXT NOT NULL,
  kept_until INTEGER NOT NULL, UNIQUE (resource, token_id, owner)
);
CREATE TABLE fencing_tokens (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL);
`;

export const REGISTRY_SCHEMA: ObjectSchema = {
  object: 'AgentRegistry',
  tables: TABLES,
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
      // The first release stored priorities as positions, tombstones and arrivals in separate tables, and one deadline
      // for each offer. It was never deployed, so no release needs the old tables after a rollback.
      id: 'agent-registry/0003_slots_in_words',
      sql: `
ALTER TABLE agents DROP COLUMN instance_id;
DROP INDEX slots_in_order;
DROP INDEX slots_of_agents;
ALTER TABLE slots RENAME TO slots_by_position;
CREATE TABLE slots (
  arrival INTEGER PRIMARY KEY, task_id TEXT NOT NULL, epoch INTEGER NOT NULL, session_id TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL, priority TEXT NOT NULL DEFAULT '', requirements TEXT NOT NULL DEFAULT '{}',
  declined TEXT NOT NULL DEFAULT '{}', agent_id TEXT, offered_until INTEGER, ended_at INTEGER, UNIQUE (task_id, epoch)
);
CREATE INDEX slots_waiting ON slots (priority) WHERE state = 'queued';
CREATE INDEX slots_of_agents ON slots (agent_id) WHERE agent_id IS NOT NULL;
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, requirements, declined, offered_until)
  SELECT task_id, epoch, session_id, CASE state WHEN 'taken' THEN 'accepted' ELSE state END, agent_id,
    CASE priority WHEN 0 THEN 'critical' WHEN 1 THEN 'high' WHEN 2 THEN 'medium' WHEN 3 THEN 'low' ELSE 'deferred' END,
    requirements, declined, (SELECT value FROM deadlines, json_each(due) WHERE key = 'offer:' || task_id || ':' || epoch)
  FROM slots_by_position ORDER BY arrival;
INSERT INTO slots (task_id, epoch, state, ended_at) SELECT task_id, epoch, 'ended', ended_at FROM ended_slots;
UPDATE deadlines SET due = (
  SELECT json_group_object(name, due_at) FROM (
    SELECT CASE WHEN key LIKE 'offer:%' THEN 'offers' WHEN key IN ('agents', 'tombstones') THEN 'review' ELSE key END
      AS name, MIN(value) AS due_at
    FROM json_each(due) GROUP BY 1
  )
);
DROP TABLE slots_by_position;
DROP TABLE ended_slots;
DROP TABLE registry;
`,
    },
    {
      // When a slot came, for the order of the queue. Those of earlier releases came before all others.
      id: 'agent-registry/0004_time_of_arrival',
      sql: `ALTER TABLE slots ADD COLUMN queued_at INTEGER NOT NULL DEFAULT 0;`,
    },
    {
      // A slot without a key gets it when its session asks again, within a minute.
      id: 'agent-registry/0005_owners_and_proofs',
      sql: `
ALTER TABLE agents ADD COLUMN token_id TEXT;
ALTER TABLE agents ADD COLUMN secret_hash TEXT;
ALTER TABLE slots ADD COLUMN proof_key TEXT NOT NULL DEFAULT '';
`,
    },
    {
      id: 'agent-registry/0006_locks',
      sql: `
CREATE TABLE locks (
  resource TEXT PRIMARY KEY, token_id TEXT NOT NULL, owner TEXT NOT NULL, fencing_token INTEGER NOT NULL,
  ttl_ms INTEGER NOT NULL, acquired_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE lock_waiters (
  arrival INTEGER PRIMARY KEY, resource TEXT NOT NULL, token_id TEXT NOT NULL, owner TEXT NOT NULL,
  kept_until INTEGER NOT NULL, UNIQUE (resource, token_id, owner)
);
CREATE TABLE fencing_tokens (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL);
`,
    },
    {
      // `drain` is JSON (`Drain`); null unless the agent gets no new work. `hello_hash` recognises a repeated hello.
      id: 'agent-registry/0007_fleet',
      sql: `
ALTER TABLE agents ADD COLUMN agent_type TEXT NOT NULL DEFAULT 'implementer';
ALTER TABLE agents ADD COLUMN preferred_technologies TEXT NOT NULL DEFAULT '[]';
ALTER TABLE agents ADD COLUMN cost_per_token_usd REAL;
ALTER TABLE agents ADD COLUMN tier TEXT NOT NULL DEFAULT 'competent';
ALTER TABLE agents ADD COLUMN drain TEXT;
ALTER TABLE agents ADD COLUMN own_token_id TEXT;
ALTER TABLE agents ADD COLUMN hello_hash TEXT;
CREATE INDEX agents_by_name ON agents (name);
`,
    },
    {
      // `duration_ms` is the median of the agent's recent results, and `breaker` JSON (`Breaker`); null while closed.
      id: 'agent-registry/0008_results',
      sql: `
ALTER TABLE agents ADD COLUMN duration_ms INTEGER;
ALTER TABLE agents ADD COLUMN breaker TEXT;
CREATE TABLE agent_results (
  agent_id TEXT NOT NULL, ended_at INTEGER NOT NULL, task_id TEXT NOT NULL, epoch INTEGER NOT NULL, status TEXT NOT NULL,
  own_fault INTEGER NOT NULL, duration_ms INTEGER NOT NULL, cost_usd REAL NOT NULL, session_type TEXT NOT NULL,
  capabilities TEXT NOT NULL, quality REAL, PRIMARY KEY (agent_id, ended_at, task_id, epoch)
) WITHOUT ROWID;
`,
    },
    {
      // By which the history recognises the newest state of an agent.
      id: 'agent-registry/0009_revisions_of_agents',
      sql: `
ALTER TABLE agents ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;
CREATE TABLE agent_revisions (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL);
`,
    },
    {
      // `moved` is JSON (`Moved`); null unless the slot was moved to another agent.
      id: 'agent-registry/0010_moves',
      sql: `
ALTER TABLE slots ADD COLUMN moved TEXT;
CREATE INDEX slots_moved ON slots (session_id) WHERE moved IS NOT NULL;
`,
    },
    {
      // How often a result was rated. The newest rating counts.
      id: 'agent-registry/0011_ratings',
      sql: `ALTER TABLE agent_results ADD COLUMN ratings INTEGER NOT NULL DEFAULT 0;`,
    },
    {
      // `joined_at`: see `turnsOf`.
      id: 'agent-registry/0012_fair_queue',
      sql: `
ALTER TABLE slots ADD COLUMN task_priority TEXT NOT NULL DEFAULT 'normal';
ALTER TABLE slots ADD COLUMN joined_at INTEGER NOT NULL DEFAULT 0;
`,
    },
    {
      // When an agent was last heard without a socket, as far as that is stored.
      id: 'agent-registry/0013_polls',
      sql: `ALTER TABLE agents ADD COLUMN polled_at INTEGER;`,
    },
    {
      // The process of the agent to which the session has passed the slot on; null for a slot that was offered.
      id: 'agent-registry/0014_passes',
      sql: `ALTER TABLE slots ADD COLUMN passed_to TEXT;`,
    },
    {
      // How long work took, relative to its estimates; see `MeasuredTimes`.
      id: 'agent-registry/0015_measured_times',
      sql: `
CREATE TABLE measured_times (
  capability TEXT NOT NULL, agent_type TEXT NOT NULL, logarithms REAL NOT NULL, results REAL NOT NULL,
  PRIMARY KEY (capability, agent_type)
) WITHOUT ROWID;
`,
    },
  ],
};
