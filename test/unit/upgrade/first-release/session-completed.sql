-- clock: 1767229200000
CREATE TABLE object_schema (version INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE deadlines (name TEXT PRIMARY KEY, due_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
  lane TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, rev INTEGER NOT NULL,
  rejections INTEGER NOT NULL DEFAULT 0, parked_at INTEGER, last_error TEXT, PRIMARY KEY (lane, key)
) WITHOUT ROWID;
CREATE TABLE outbox_lanes (lane TEXT PRIMARY KEY, failures INTEGER NOT NULL, next_at INTEGER NOT NULL) WITHOUT ROWID;
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
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO object_schema (version, fingerprint) VALUES (1,'74f88ef0341633fc');
INSERT INTO object_schema (version, fingerprint) VALUES (2,'c6d474f36fa05040');
INSERT INTO deadlines (name, due_at) VALUES ('retire',1769817600000);
INSERT INTO outbox (lane, key, payload, rev, rejections, parked_at, last_error) VALUES ('directory','0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','{"put":{"rev":4,"summary":{"id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000000","title":"Completed in the old release","status":"completed","session_type":"execution","priority":"medium","tags":[],"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:00:00.000Z","ended_at":"2026-01-01T00:00:00.000Z","health_score":1,"agent_name":"AGENT-ONE","open_approvals":0,"cost_usd":0,"error":null},"active_ms":0,"active_since":null,"share_done":1,"max_duration_seconds":3600,"search_text":"Do it"}}',2,0,NULL,NULL);
INSERT INTO outbox (lane, key, payload, rev, rejections, parked_at, last_error) VALUES ('history','0198c2f0-1a2b-8c3d-9e4f-5a6b00000000:1','{"workspace":"acme","session_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000000","run":1,"title":"Completed in the old release","session_type":"execution","priority":"medium","status":"completed","attempts":1,"agent_id":"803aa339-258a-40b1-84c5-f79dff4bcfe0","agent_name":"AGENT-ONE","started_at":"2026-01-01T00:00:00.000Z","ended_at":"2026-01-01T00:00:00.000Z","active_ms":0,"usage":{"turns":0,"input_tokens":0,"output_tokens":0,"reasoning_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"cost_usd":0},"error_code":null}',1,10,1767226023194,'no such column');
INSERT INTO outbox (lane, key, payload, rev, rejections, parked_at, last_error) VALUES ('registry','0198c2f0-1a2b-8c3d-9e4f-5a6b00000001:1','{"op":"release","task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","epoch":1}',1,0,NULL,NULL);
INSERT INTO outbox_lanes (lane, failures, next_at) VALUES ('directory',23,1767229387205);
INSERT INTO outbox_lanes (lane, failures, next_at) VALUES ('registry',24,1767229260437);
INSERT INTO spec (one, json) VALUES (1,'{"title":"Completed in the old release","initial_prompt":"Do it","session_type":"execution","priority":"medium","agent_config":{},"required_capabilities":[],"required_labels":[],"repository":{},"tags":[],"metadata":{},"max_duration_seconds":3600,"max_attempts":3,"max_parallel":4,"approval_default":"reject","approval_timeout_seconds":900}');
INSERT INTO session (one, workspace, id, incarnation, status, requested_action, requested_at, degraded_by, run, rev, floor_seq, last_command, created_at, updated_at, started_at, ended_at, deleted_at, active_ms, active_since, result, error, usage, usage_before_run, repository, share_done, created_with) VALUES (1,'acme','0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','a08ff49b','completed',NULL,NULL,NULL,1,4,0,1,1767225600000,1767225600000,1767225600000,1767225600000,NULL,0,NULL,'{"success":true,"text":"Done."}',NULL,'{"turns":0,"input_tokens":0,"output_tokens":0,"reasoning_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"cost_usd":0}','{"turns":0,"input_tokens":0,"output_tokens":0,"reasoning_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"cost_usd":0}','root-commit',1.0,NULL);
INSERT INTO tasks (number, title, status, epoch, attempts_used, restore, refused_by) VALUES (1,'Completed in the old release','completed',1,0,'last','[]');
INSERT INTO leases (task, epoch, run, agent_id, agent_name, instance_id, stream_id, acked, granted_at, seen_at, extended_at, closed_at, ended) VALUES (1,1,1,'803aa339-258a-40b1-84c5-f79dff4bcfe0','AGENT-ONE','b39b6e84-144b-4394-8d6b-773bdb0bde7f','722d3d90-7367-4ac5-8fd0-867a38dc8988',6,1767225600000,1767225600000,NULL,NULL,'done');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (1,1,1767225600000,'session.created','{"title":"Completed in the old release"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (2,2,1767225600000,'message.added','{"number":1,"text":"Do it","delivery":"follow_up","by":"tester"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (3,3,1767225600000,'session.status','{"from":"pending","to":"queued","reason":"by tester"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (4,4,1767225600000,'task.status','{"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","from":"pending","to":"ready","epoch":1,"attempt":1}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (5,5,1767225600000,'lease.granted','{"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","epoch":1,"agent_id":"803aa339-258a-40b1-84c5-f79dff4bcfe0","agent_name":"AGENT-ONE","checkpoint":null}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (6,6,1767225600000,'task.status','{"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","from":"ready","to":"in_progress","epoch":1,"attempt":1}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (7,7,1767225600000,'session.status','{"from":"queued","to":"running","reason":"agent_took_it"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (8,8,1767225600000,'checkpoint.created','{"checkpoint":{"number":1,"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","epoch":1,"created_at":"2026-01-01T00:00:00.000Z","turn":1,"messages_done":1,"base_commit":"4b825dc642cb6eb9a060e54bf8d69288fbee4904","patch_bytes":2400,"conversation_bytes":14,"local_only":false,"requested":false}}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (9,9,1767225600000,'lease.ended','{"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","epoch":1,"reason":"completed"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (10,10,1767225600000,'task.status','{"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","from":"in_progress","to":"completed","epoch":1,"attempt":1}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (11,11,1767225600000,'session.status','{"from":"running","to":"completed","reason":"completed","result":{"success":true,"text":"Done."}}');
INSERT INTO messages (number, task, text, delivery, at) VALUES (1,1,'Do it','follow_up',1767225600000);
INSERT INTO checkpoints (number, view, files, patch_artifact, patch_sha256, conversation_artifact, conversation_sha256, conversation_format) VALUES (1,'{"number":1,"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","epoch":1,"created_at":"2026-01-01T00:00:00.000Z","turn":1,"messages_done":1,"base_commit":"4b825dc642cb6eb9a060e54bf8d69288fbee4904","patch_bytes":2400,"conversation_bytes":14,"local_only":false,"requested":false}','[{"path":"one.txt","status":"added","additions":1,"deletions":0}]','4e50ccca-b262-4249-808a-30da4adaa780','55d9da66b453094dd138021d129cf5e2dce452294d5ba4418653539c818ec050','bcd703c0-f374-4975-8b8c-158b7e13aaa5','eba81d3592453f9ed71fa829fd297b4b569b5006e9b8dce9cefc19cce88664b4','opencode-1');
INSERT INTO artifacts (id, task, epoch, chunks, chars) VALUES ('4e50ccca-b262-4249-808a-30da4adaa780',1,1,3,3208);
INSERT INTO artifacts (id, task, epoch, chunks, chars) VALUES ('bcd703c0-f374-4975-8b8c-158b7e13aaa5',1,1,1,20);
INSERT INTO artifact_chunks (artifact, number, data) VALUES ('4e50ccca-b262-4249-808a-30da4adaa780',0,'ZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZg==');
INSERT INTO artifact_chunks (artifact, number, data) VALUES ('4e50ccca-b262-4249-808a-30da4adaa780',1,'IG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIA==');
INSERT INTO artifact_chunks (artifact, number, data) VALUES ('4e50ccca-b262-4249-808a-30da4adaa780',2,'b25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCg==');
INSERT INTO artifact_chunks (artifact, number, data) VALUES ('bcd703c0-f374-4975-8b8c-158b7e13aaa5',0,'eyJzYWlkIjoib25lIn0=');
