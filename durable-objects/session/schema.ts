import type { ObjectSchema } from '../kit/storage/schema.ts';
import { packEvents } from './log/pack-events.ts';

/** The tables after all steps. The log has no secondary index, because an index would write a row for every append. */
const TABLES = `
CREATE TABLE session (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  workspace TEXT NOT NULL, id TEXT NOT NULL, incarnation TEXT NOT NULL,
  spec TEXT NOT NULL DEFAULT '{}', status TEXT NOT NULL, intent TEXT NOT NULL DEFAULT 'run', requested_at INTEGER,
  run INTEGER NOT NULL, rev INTEGER NOT NULL, floor_seq INTEGER NOT NULL, last_command INTEGER NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, deleted_at INTEGER,
  active_ms INTEGER NOT NULL, active_since INTEGER,
  result TEXT, error TEXT, usage TEXT NOT NULL, usage_before_run TEXT NOT NULL, repository TEXT, share_done REAL NOT NULL, created_with TEXT,
  offer_secret TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1, graph_version INTEGER NOT NULL DEFAULT 1,
  last_task INTEGER NOT NULL DEFAULT 1, lease_costs TEXT NOT NULL DEFAULT '{}', base_commit TEXT, delivery INTEGER,
  times TEXT
);
CREATE TABLE tasks (
  number INTEGER PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL, epoch INTEGER NOT NULL,
  attempts_used INTEGER NOT NULL, restore TEXT NOT NULL,
  refused_by TEXT NOT NULL,
  setback TEXT, degraded_by TEXT, outcome TEXT, error TEXT, retry TEXT, handed_back INTEGER NOT NULL DEFAULT 0,
  reserved_at INTEGER, handed_out TEXT NOT NULL DEFAULT '[]', last_assignment TEXT,
  parent INTEGER, depends_on TEXT NOT NULL DEFAULT '[]', priority TEXT NOT NULL DEFAULT 'normal',
  hours REAL, max_attempts INTEGER, cause INTEGER, started_at INTEGER, ended_at INTEGER,
  kind TEXT NOT NULL DEFAULT 'work', gate TEXT, blocked_by TEXT, work TEXT, start TEXT, timeout_seconds INTEGER,
  aside INTEGER NOT NULL DEFAULT 0, edited TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE task_details (
  task INTEGER PRIMARY KEY, definition TEXT, result TEXT, checks TEXT, decomposition TEXT
);
CREATE TABLE leases (
  task INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, run INTEGER NOT NULL, agent_id TEXT NOT NULL, agent_name TEXT NOT NULL,
  instance_id TEXT NOT NULL, stream_id TEXT NOT NULL, acked INTEGER NOT NULL,
  granted_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, extended_at INTEGER, closed_at INTEGER, ended TEXT,
  token_id TEXT NOT NULL DEFAULT '', cost_before REAL NOT NULL DEFAULT 0, move_asked_at INTEGER,
  passing TEXT
);
CREATE TABLE refusals (
  task INTEGER NOT NULL, epoch INTEGER NOT NULL, connection TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (task, epoch, connection)
) WITHOUT ROWID;
CREATE TABLE event_batches (
  seq INTEGER PRIMARY KEY, from_seq INTEGER NOT NULL, at INTEGER NOT NULL, task INTEGER NOT NULL,
  epoch INTEGER, acked INTEGER, chars INTEGER NOT NULL, total INTEGER NOT NULL DEFAULT 0, events TEXT NOT NULL
);
CREATE TABLE log_base (part INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE messages (
  number INTEGER PRIMARY KEY, task INTEGER NOT NULL, text TEXT NOT NULL, delivery TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE TABLE commands (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, epoch INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE approvals (
  id TEXT PRIMARY KEY, task INTEGER NOT NULL, epoch INTEGER, ask_id TEXT,
  status TEXT NOT NULL, always TEXT NOT NULL, view TEXT NOT NULL, asked_at INTEGER NOT NULL
);
CREATE TABLE always_rules (permission TEXT NOT NULL, pattern TEXT NOT NULL, PRIMARY KEY (permission, pattern)) WITHOUT ROWID;
CREATE TABLE checkpoints (
  number INTEGER PRIMARY KEY, task INTEGER NOT NULL DEFAULT 1, view TEXT NOT NULL, files TEXT NOT NULL,
  patch_artifact TEXT, patch_sha256 TEXT, conversation_artifact TEXT, conversation_sha256 TEXT, conversation_format TEXT,
  frame INTEGER NOT NULL DEFAULT 0, conversation_parts TEXT NOT NULL DEFAULT '[]', work TEXT
);
CREATE TABLE artifacts (
  id TEXT PRIMARY KEY, task INTEGER NOT NULL, epoch INTEGER NOT NULL, frame INTEGER NOT NULL DEFAULT 0,
  path TEXT, mime_type TEXT, bytes INTEGER, created_at INTEGER
) WITHOUT ROWID;
CREATE TABLE artifact_chunks (
  artifact TEXT NOT NULL, number INTEGER NOT NULL, chars INTEGER NOT NULL DEFAULT 0, data TEXT NOT NULL,
  PRIMARY KEY (artifact, number)
) WITHOUT ROWID;
`;

/** A session's tables, and the steps that upgrade an older object. */
export const SESSION_SCHEMA: ObjectSchema = {
  object: 'Session',
  tables: TABLES,
  steps: [
    {
      id: 'session/0001_tables',
      sql: `
CREATE TABLE spec (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
CREATE TABLE session (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  workspace TEXT NOT NULL, id TEXT NOT NULL, incarnation TEXT NOT NULL,
  status TEXT NOT NULL, requested_action TEXT, requested_at INTEGER, degraded_by TEXT,
  run INTEGER NOT NULL, rev INTEGER NOT NULL, floor_seq INTEGER NOT NULL, last_command INTEGER NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, deleted_at INTEGER,
  active_ms INTEGER NOT NULL, active_since INTEGER,
  result TEXT, error TEXT, usage TEXT NOT NULL, usage_before_run TEXT NOT NULL, repository TEXT, share_done REAL NOT NULL, created_with TEXT
);
CREATE TABLE tasks (
  number INTEGER PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL, epoch INTEGER NOT NULL,
  attempts_used INTEGER NOT NULL, restore TEXT NOT NULL,
  refused_by TEXT NOT NULL
);
CREATE TABLE leases (
  task INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, run INTEGER NOT NULL, agent_id TEXT NOT NULL, agent_name TEXT NOT NULL,
  instance_id TEXT NOT NULL, stream_id TEXT NOT NULL, acked INTEGER NOT NULL,
  granted_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, extended_at INTEGER, closed_at INTEGER, ended TEXT
);
CREATE TABLE refusals (
  epoch INTEGER NOT NULL, connection TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (epoch, connection)
) WITHOUT ROWID;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, from_seq INTEGER NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL
);
CREATE TABLE log_base (part INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE messages (
  number INTEGER PRIMARY KEY, task INTEGER NOT NULL, text TEXT NOT NULL, delivery TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE TABLE commands (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, epoch INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE approvals (
  id TEXT PRIMARY KEY, task INTEGER NOT NULL, epoch INTEGER NOT NULL, request_id TEXT NOT NULL,
  status TEXT NOT NULL, always TEXT NOT NULL, view TEXT NOT NULL, asked_at INTEGER NOT NULL
);
CREATE TABLE always_rules (permission TEXT NOT NULL, pattern TEXT NOT NULL, PRIMARY KEY (permission, pattern)) WITHOUT ROWID;
CREATE TABLE checkpoints (
  number INTEGER PRIMARY KEY, view TEXT NOT NULL, files TEXT NOT NULL,
  patch_artifact TEXT, patch_sha256 TEXT, conversation_artifact TEXT, conversation_sha256 TEXT, conversation_format TEXT
);
CREATE TABLE artifacts (
  id TEXT PRIMARY KEY, task INTEGER NOT NULL, epoch INTEGER NOT NULL, chunks INTEGER NOT NULL, chars INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE artifact_chunks (
  artifact TEXT NOT NULL, number INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (artifact, number)
) WITHOUT ROWID;
`,
    },
    {
      id: 'session/0002_event_batches',
      run: packEvents,
    },
    {
      // In waiting messages to the registry, the first release wrote `withdraw`, and had requirements beside the epoch.
      id: 'session/0003_slot_messages',
      sql: `
UPDATE outbox SET entries = json_set(entries, '$[0].payload.op', 'cancel') WHERE entries ->> '$[0].payload.op' = 'withdraw';
UPDATE outbox SET entries = json_set(entries, '$[0].payload.request.requirements', json_object(
  'required_capabilities', entries -> '$[0].payload.request.required_capabilities',
  'required_labels', entries -> '$[0].payload.request.required_labels',
  'repository', entries ->> '$[0].payload.request.repository',
  'repository_key', entries ->> '$[0].payload.request.repository_key',
  'avoid_agents', entries -> '$[0].payload.request.avoid_agents'
)) WHERE entries ->> '$[0].payload.op' = 'reserve';
`,
    },
    {
      id: 'session/0004_approvals_without_a_lease',
      sql: `
CREATE TABLE approvals_of_tasks (
  id TEXT PRIMARY KEY, task INTEGER NOT NULL, epoch INTEGER, ask_id TEXT,
  status TEXT NOT NULL, always TEXT NOT NULL, view TEXT NOT NULL, asked_at INTEGER NOT NULL
);
INSERT INTO approvals_of_tasks
  SELECT id, task, epoch, request_id, status, always, view, asked_at FROM approvals ORDER BY rowid;
DROP TABLE approvals;
ALTER TABLE approvals_of_tasks RENAME TO approvals;
`,
    },
    {
      // The session's status is computed from its tasks and its intent. A task stores why it waits or is degraded, its
      // outcome and its error.
      id: 'session/0005_status_from_tasks',
      sql: `
ALTER TABLE tasks ADD COLUMN setback TEXT;
ALTER TABLE tasks ADD COLUMN degraded_by TEXT;
ALTER TABLE tasks ADD COLUMN outcome TEXT;
ALTER TABLE tasks ADD COLUMN error TEXT;
UPDATE tasks SET
  setback = CASE WHEN tasks.status <> 'pending' THEN NULL
    WHEN session.status = 'orphaned' THEN 'lease_lost' WHEN session.status = 'queued' THEN 'attempt_failed' END,
  degraded_by = CASE WHEN tasks.status = 'in_progress' THEN session.degraded_by END,
  outcome = CASE WHEN tasks.status <> 'completed' THEN NULL
    WHEN session.status = 'partially_completed' THEN 'partial' ELSE 'whole' END,
  error = CASE WHEN tasks.status = 'failed' THEN session.error END
FROM session;
ALTER TABLE session ADD COLUMN intent TEXT NOT NULL DEFAULT 'run';
UPDATE session SET intent = CASE status
  WHEN 'pending' THEN 'none' WHEN 'paused' THEN 'pause' WHEN 'stopped' THEN 'stop' WHEN 'cancelled' THEN 'cancel'
  WHEN 'timeout' THEN 'time_out' ELSE COALESCE(requested_action, 'run') END;
ALTER TABLE session DROP COLUMN requested_action;
ALTER TABLE session DROP COLUMN degraded_by;
`,
    },
    {
      id: 'session/0006_newest_of_each_task',
      sql: `
ALTER TABLE checkpoints ADD COLUMN task INTEGER NOT NULL DEFAULT 1;
DROP TABLE refusals;
CREATE TABLE refusals (
  task INTEGER NOT NULL, epoch INTEGER NOT NULL, connection TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (task, epoch, connection)
) WITHOUT ROWID;
`,
    },
    {
      // The last chunk has the length of the artifact, so that a new chunk does not write the artifact's row too.
      id: 'session/0007_lengths_on_chunks',
      sql: `
ALTER TABLE artifact_chunks ADD COLUMN chars INTEGER NOT NULL DEFAULT 0;
UPDATE artifact_chunks SET chars = (SELECT artifacts.chars FROM artifacts WHERE id = artifact)
  WHERE number = (SELECT chunks - 1 FROM artifacts WHERE id = artifact);
ALTER TABLE artifacts DROP COLUMN chunks;
ALTER TABLE artifacts DROP COLUMN chars;
`,
    },
    {
      // The prompt is the first message.
      id: 'session/0008_spec_in_the_session',
      sql: `
ALTER TABLE session ADD COLUMN spec TEXT NOT NULL DEFAULT '{}';
UPDATE session SET spec = (SELECT json_remove(json, '$.initial_prompt') FROM spec)
  WHERE EXISTS (SELECT 1 FROM spec);
DROP TABLE spec;
`,
    },
    {
      // The last failure of a model that is asked again, for the error of a session that reaches its time limit.
      id: 'session/0009_retry_of_each_task',
      sql: `ALTER TABLE tasks ADD COLUMN retry TEXT;`,
    },
    {
      // The agent is told which of its checkpoints is stored.
      id: 'session/0010_frames_of_checkpoints',
      sql: `ALTER TABLE checkpoints ADD COLUMN frame INTEGER NOT NULL DEFAULT 0;`,
    },
    {
      // JSON: the artifacts before the conversation's last one.
      id: 'session/0011_conversations_in_parts',
      sql: `ALTER TABLE checkpoints ADD COLUMN conversation_parts TEXT NOT NULL DEFAULT '[]';`,
    },
    {
      id: 'session/0012_hand_backs_in_a_row',
      sql: `ALTER TABLE tasks ADD COLUMN handed_back INTEGER NOT NULL DEFAULT 0;`,
    },
    {
      // The length of the log up to each row. Older rows count as empty until they are trimmed.
      id: 'session/0013_length_of_the_log',
      sql: `ALTER TABLE event_batches ADD COLUMN total INTEGER NOT NULL DEFAULT 0;`,
    },
    {
      id: 'session/0014_time_of_reservations',
      sql: `ALTER TABLE tasks ADD COLUMN reserved_at INTEGER;`,
    },
    {
      // A lease goes only to the agent that was offered it, and its artifacts only to the holder's token.
      id: 'session/0015_proofs_of_offers',
      sql: `
ALTER TABLE session ADD COLUMN offer_secret TEXT NOT NULL DEFAULT '';
UPDATE session SET offer_secret = lower(hex(randomblob(32)));
ALTER TABLE leases ADD COLUMN token_id TEXT NOT NULL DEFAULT '';
`,
    },
    {
      // The order in which artifacts began, so that the oldest unused ones can be deleted.
      id: 'session/0016_frames_of_artifacts',
      sql: `ALTER TABLE artifacts ADD COLUMN frame INTEGER NOT NULL DEFAULT 0;`,
    },
    {
      id: 'session/0017_version_for_callers',
      sql: `ALTER TABLE session ADD COLUMN version INTEGER NOT NULL DEFAULT 1;`,
    },
    {
      id: 'session/0018_cost_of_leases',
      sql: `
ALTER TABLE leases ADD COLUMN cost_before REAL NOT NULL DEFAULT 0;
UPDATE leases SET cost_before = COALESCE((SELECT json_extract(usage, '$.cost_usd') FROM session), 0);
`,
    },
    {
      id: 'session/0019_moves',
      sql: `ALTER TABLE leases ADD COLUMN move_asked_at INTEGER;`,
    },
    {
      // Artifacts that are files of a result, and the work of agents without sockets: JSON with what was handed out to
      // each.
      id: 'session/0020_files_and_hand_outs',
      sql: `
ALTER TABLE artifacts ADD COLUMN path TEXT;
ALTER TABLE artifacts ADD COLUMN mime_type TEXT;
ALTER TABLE artifacts ADD COLUMN bytes INTEGER;
ALTER TABLE artifacts ADD COLUMN created_at INTEGER;
ALTER TABLE tasks ADD COLUMN handed_out TEXT NOT NULL DEFAULT '[]';
`,
    },
    {
      id: 'session/0021_last_assignments',
      sql: `ALTER TABLE tasks ADD COLUMN last_assignment TEXT;`,
    },
    {
      // `reserved_at` says whether a task asks for an agent now.
      id: 'session/0022_task_graph',
      sql: `
ALTER TABLE session ADD COLUMN graph_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE session ADD COLUMN last_task INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tasks ADD COLUMN parent INTEGER;
ALTER TABLE tasks ADD COLUMN depends_on TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tasks ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal';
ALTER TABLE tasks ADD COLUMN hours REAL;
ALTER TABLE tasks ADD COLUMN max_attempts INTEGER;
ALTER TABLE tasks ADD COLUMN cause INTEGER;
ALTER TABLE tasks ADD COLUMN started_at INTEGER;
ALTER TABLE tasks ADD COLUMN ended_at INTEGER;
UPDATE tasks SET
  started_at = (SELECT granted_at FROM leases WHERE task = tasks.number),
  ended_at = CASE WHEN status IN ('completed', 'failed', 'cancelled', 'skipped') THEN (SELECT ended_at FROM session) END,
  reserved_at = CASE WHEN status = 'ready' THEN COALESCE(reserved_at, (SELECT updated_at FROM session)) END;
CREATE TABLE task_details (task INTEGER PRIMARY KEY, definition TEXT, result TEXT);
`,
    },
    {
      // JSON: what each lease that is held has cost, by its task. Only of a single lease is it what the session has cost
      // since the grant (`cost_before`, which no release reads any more).
      id: 'session/0023_costs_by_task',
      sql: `
ALTER TABLE session ADD COLUMN lease_costs TEXT NOT NULL DEFAULT '{}';
UPDATE session SET lease_costs = COALESCE((
  SELECT json_group_object(task, MAX(0, json_extract(session.usage, '$.cost_usd') - cost_before))
  FROM leases WHERE ended IS NULL), '{}');
`,
    },
    {
      id: 'session/0024_kinds_of_tasks',
      sql: `ALTER TABLE tasks ADD COLUMN kind TEXT NOT NULL DEFAULT 'work';`,
    },
    {
      // JSON: how the checks of a task have ended since it was last started.
      id: 'session/0025_checks',
      sql: `ALTER TABLE task_details ADD COLUMN checks TEXT;`,
    },
    {
      // JSON: what is known of an agent whose slot may pass on to the next task.
      id: 'session/0026_passes',
      sql: `ALTER TABLE leases ADD COLUMN passing TEXT;`,
    },
    {
      // Whether a person must approve a task, and JSON with what blocks it.
      id: 'session/0027_gates_of_tasks',
      sql: `
ALTER TABLE tasks ADD COLUMN gate TEXT;
ALTER TABLE tasks ADD COLUMN blocked_by TEXT;
`,
    },
    {
      // JSON: what a checkpoint, and the newest one of a task, has done to the files, and with what a lease began.
      // Nobody knows from which works an earlier one was made.
      id: 'session/0028_works',
      sql: `
ALTER TABLE session ADD COLUMN base_commit TEXT;
ALTER TABLE tasks ADD COLUMN work TEXT;
ALTER TABLE tasks ADD COLUMN start TEXT;
ALTER TABLE checkpoints ADD COLUMN work TEXT;
UPDATE checkpoints SET work = json_object('task', task, 'checkpoint', number, 'parents', json('[]'), 'is_root', json('false'),
    'commit', NULL, 'authors', json('[]'))
  WHERE view ->> 'base_commit' IS NOT NULL AND (patch_artifact IS NOT NULL OR view ->> 'local_only');
UPDATE tasks SET work = (SELECT work FROM checkpoints
  WHERE task = tasks.number AND work IS NOT NULL ORDER BY number DESC LIMIT 1);
UPDATE session SET base_commit = (SELECT view ->> 'base_commit' FROM checkpoints
  WHERE work IS NOT NULL ORDER BY number LIMIT 1);
`,
    },
    {
      id: 'session/0029_time_limits_of_tasks',
      sql: `ALTER TABLE tasks ADD COLUMN timeout_seconds INTEGER;`,
    },
    {
      id: 'session/0030_deliveries',
      sql: `
ALTER TABLE session ADD COLUMN delivery INTEGER;
ALTER TABLE tasks ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;
`,
    },
    {
      // JSON: the files that a task has edited which has not ended.
      id: 'session/0031_edited_files',
      sql: `ALTER TABLE tasks ADD COLUMN edited TEXT NOT NULL DEFAULT '[]';`,
    },
    {
      // JSON: how a task was split; see `StoredDecomposition`.
      id: 'session/0032_decompositions',
      sql: `ALTER TABLE task_details ADD COLUMN decomposition TEXT;`,
    },
    {
      // JSON: what other sessions had measured of estimates; see `TimesByCapability`.
      id: 'session/0033_measured_times',
      sql: `ALTER TABLE session ADD COLUMN times TEXT;`,
    },
  ],
};
