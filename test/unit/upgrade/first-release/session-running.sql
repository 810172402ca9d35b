-- clock: 1767225601000
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
INSERT INTO deadlines (name, due_at) VALUES ('approval:aa1883c4-ffd0-40f5-bd14-dcc312684e4e',1767226501000);
INSERT INTO deadlines (name, due_at) VALUES ('approval:e8eb2af2-f261-45a8-91cd-424e42a85121',1767226501000);
INSERT INTO deadlines (name, due_at) VALUES ('idempotency',1767312000000);
INSERT INTO deadlines (name, due_at) VALUES ('lease:1',1767225630000);
INSERT INTO deadlines (name, due_at) VALUES ('max_duration',1767229200000);
INSERT INTO outbox (lane, key, payload, rev, rejections, parked_at, last_error) VALUES ('directory','0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','{"put":{"rev":10,"summary":{"id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000000","title":"Released","status":"running","session_type":"execution","priority":"medium","tags":["old"],"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:01.000Z","started_at":"2026-01-01T00:00:00.000Z","ended_at":null,"health_score":0.9,"agent_name":"AGENT-ONE","open_approvals":2,"cost_usd":0.5,"error":null},"active_ms":0,"active_since":1767225600000,"share_done":0,"max_duration_seconds":3600,"search_text":"Do it"}}',1,0,NULL,NULL);
INSERT INTO outbox_lanes (lane, failures, next_at) VALUES ('directory',1,1767225601816);
INSERT INTO spec (one, json) VALUES (1,'{"title":"Released","initial_prompt":"Do it","session_type":"execution","priority":"medium","agent_config":{"permissions":{"bash":"ask"}},"required_capabilities":[],"required_labels":[],"repository":{},"tags":["old"],"metadata":{},"max_duration_seconds":3600,"max_attempts":3,"max_parallel":4,"approval_default":"reject","approval_timeout_seconds":900}');
INSERT INTO session (one, workspace, id, incarnation, status, requested_action, requested_at, degraded_by, run, rev, floor_seq, last_command, created_at, updated_at, started_at, ended_at, deleted_at, active_ms, active_since, result, error, usage, usage_before_run, repository, share_done, created_with) VALUES (1,'acme','0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','a08ff49b','running',NULL,NULL,NULL,1,10,36,3,1767225600000,1767225601000,1767225600000,NULL,NULL,0,1767225600000,NULL,NULL,'{"turns":1,"input_tokens":100,"output_tokens":10,"reasoning_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"cost_usd":0.5}','{"turns":0,"input_tokens":0,"output_tokens":0,"reasoning_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"cost_usd":0}','root-commit',0.0,'same');
INSERT INTO tasks (number, title, status, epoch, attempts_used, restore, refused_by) VALUES (1,'Released','in_progress',1,0,'last','[]');
INSERT INTO leases (task, epoch, run, agent_id, agent_name, instance_id, stream_id, acked, granted_at, seen_at, extended_at, closed_at, ended) VALUES (1,1,1,'803aa339-258a-40b1-84c5-f79dff4bcfe0','AGENT-ONE','b39b6e84-144b-4394-8d6b-773bdb0bde7f','722d3d90-7367-4ac5-8fd0-867a38dc8988',63,1767225600000,1767225601000,NULL,NULL,NULL);
INSERT INTO events (seq, from_seq, at, type, data) VALUES (37,37,1767225600000,'agent.note','{"level":"info","text":"early note 25"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (38,38,1767225600000,'agent.note','{"level":"info","text":"early note 26"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (39,39,1767225600000,'agent.note','{"level":"info","text":"early note 27"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (40,40,1767225600000,'agent.note','{"level":"info","text":"early note 28"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (41,41,1767225600000,'agent.note','{"level":"info","text":"early note 29"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (42,42,1767225600000,'agent.note','{"level":"info","text":"early note 30"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (43,43,1767225600000,'agent.note','{"level":"info","text":"early note 31"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (44,44,1767225600000,'agent.note','{"level":"info","text":"early note 32"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (45,45,1767225600000,'agent.note','{"level":"info","text":"early note 33"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (46,46,1767225600000,'agent.note','{"level":"info","text":"early note 34"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (47,47,1767225600000,'agent.note','{"level":"info","text":"early note 35"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (48,48,1767225600000,'agent.note','{"level":"info","text":"early note 36"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (49,49,1767225600000,'agent.note','{"level":"info","text":"early note 37"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (50,50,1767225600000,'agent.note','{"level":"info","text":"early note 38"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (51,51,1767225600000,'agent.note','{"level":"info","text":"early note 39"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (52,52,1767225600000,'agent.note','{"level":"info","text":"early note 40"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (53,53,1767225600000,'agent.note','{"level":"info","text":"early note 41"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (54,54,1767225600000,'agent.note','{"level":"info","text":"early note 42"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (55,55,1767225600000,'agent.note','{"level":"info","text":"early note 43"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (56,56,1767225600000,'agent.note','{"level":"info","text":"early note 44"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (58,57,1767225601000,'text.delta','{"message_id":"message","part_id":"p1b","offset":0,"text":"Found it."}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (59,59,1767225601000,'part.completed','{"message_id":"message","part_id":"p1b","length":9}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (60,60,1767225601000,'model.retry','{"attempt":1,"message":"overloaded","next_in_ms":1000}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (61,61,1767225601000,'session.status','{"from":"running","to":"degraded","reason":"model_retry"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (62,62,1767225601000,'session.status','{"from":"degraded","to":"running","reason":"progress"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (63,63,1767225601000,'checkpoint.created','{"checkpoint":{"number":1,"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","epoch":1,"created_at":"2026-01-01T00:00:01.000Z","turn":1,"messages_done":1,"base_commit":"4b825dc642cb6eb9a060e54bf8d69288fbee4904","patch_bytes":2400,"conversation_bytes":14,"local_only":false,"requested":false}}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (64,64,1767225601000,'approval.asked','{"approval":{"kind":"permission","title":"bash: npm test","permission":"bash","patterns":["npm test"],"questions":[],"detail":{"command":"npm test"},"id":"7cf3c256-32b9-4409-93fb-64afebede10d","task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","status":"open","asked_at":"2026-01-01T00:00:01.000Z","expires_at":"2026-01-01T00:15:01.000Z","answer":null}}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (65,65,1767225601000,'approval.asked','{"approval":{"kind":"permission","title":"bash: npm run build","permission":"bash","patterns":["npm run build"],"questions":[],"detail":{"command":"npm test"},"id":"e8eb2af2-f261-45a8-91cd-424e42a85121","task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","status":"open","asked_at":"2026-01-01T00:00:01.000Z","expires_at":"2026-01-01T00:15:01.000Z","answer":null}}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (66,66,1767225601000,'approval.answered','{"approval_id":"7cf3c256-32b9-4409-93fb-64afebede10d","kind":"permission","decision":"always","by":"person","expired":false}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (67,67,1767225601000,'approval.asked','{"approval":{"kind":"question","title":"Colour","permission":null,"patterns":[],"questions":[{"question":"Which colour?","header":"Colour","options":[{"label":"red","description":""},{"label":"blue","description":""}],"multiple":false}],"detail":{"command":"npm test"},"id":"aa1883c4-ffd0-40f5-bd14-dcc312684e4e","task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","status":"open","asked_at":"2026-01-01T00:00:01.000Z","expires_at":"2026-01-01T00:15:01.000Z","answer":null}}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (68,68,1767225601000,'message.added','{"number":2,"text":"Mind the tests","delivery":"steer","by":"tester"}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (69,69,1767225601000,'text.delta','{"message_id":"message","part_id":"p2","offset":0,"text":"I am "}');
INSERT INTO events (seq, from_seq, at, type, data) VALUES (70,70,1767225601000,'text.delta','{"message_id":"message","part_id":"p2","offset":5,"text":"half way"}');
INSERT INTO log_base (part, data) VALUES (0,'{"seq":36,"title":"Released","status":"running","requested_action":null,"agent":{"id":"803aa339-258a-40b1-84c5-f79dff4bcfe0","name":"AGENT-ONE","epoch":1},"model":"demo/scripted","transcript":[{"kind":"prompt","id":"prompt-1","seq":2,"number":1,"text":"Do it","delivery":"follow_up","by":"tester"},{"kind":"status","id":"status-3","seq":3,"from":"pending","to":"queued","reason":"by tester"},{"kind":"status","id":"status-7","seq":7,"from":"queued","to":"running","reason":"agent_took_it"},{"kind":"text","id":"p1","seq":8,"text":"Looking around.","done":true},{"kind":"note","id":"note-12","seq":12,"level":"info","text":"early note 0"},{"kind":"note","id":"note-13","seq":13,"level":"info","text":"early note 1"},{"kind":"note","id":"note-14","seq":14,"level":"info","text":"early note 2"},{"kind":"note","id":"note-15","seq":15,"level":"info","text":"early note 3"},{"kind":"note","id":"note-16","seq":16,"level":"info","text":"early note 4"},{"kind":"note","id":"note-17","seq":17,"level":"info","text":"early note 5"},{"kind":"note","id":"note-18","seq":18,"level":"info","text":"early note 6"},{"kind":"note","id":"note-19","seq":19,"level":"info","text":"early note 7"},{"kind":"note","id":"note-20","seq":20,"level":"info","text":"early note 8"},{"kind":"note","id":"note-21","seq":21,"level":"info","text":"early note 9"},{"kind":"note","id":"note-22","seq":22,"level":"info","text":"early note 10"},{"kind":"note","id":"note-23","seq":23,"level":"info","text":"early note 11"},{"kind":"note","id":"note-24","seq":24,"level":"info","text":"early note 12"},{"kind":"note","id":"note-25","seq":25,"level":"info","text":"early note 13"},{"kind":"note","id":"note-26","seq":26,"level":"info","text":"early note 14"},{"kind":"note","id":"note-27","seq":27,"level":"info","text":"early note 15"},{"kind":"note","id":"note-28","seq":28,"level":"info","text":"early note 16"},{"kind":"note","id":"note-29","seq":29,"level":"info","text":"early note 17"},{"kind":"note","id":"note-30","seq":30,"level":"info","text":"early note 18"},{"kind":"note","id":"note-31","seq":31,"level":"info","text":"early note 19"},{"kind":"note","id":"note-32","seq":32,"level":"info","text":"early note 20"},{"kind":"note","id":"note-33","seq":33,"level":"info","text":"early note 21"},{"kind":"note","id":"note-34","seq":34,"level":"info","text":"early note 22"},{"kind":"note","id":"note-35","seq":35,"level":"info","text":"early note 23"},{"kind":"note","id":"note-36","seq":36,"level":"info","text":"early note 24"}],"dropped_items":0,"todo":[],"approvals":[],"checkpoints":[],"usage":{"turns":1,"input_tokens":100,"output_tokens":10,"reasoning_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"cost_usd":0.5},"result":null,"error":null}');
INSERT INTO messages (number, task, text, delivery, at) VALUES (1,1,'Do it','follow_up',1767225600000);
INSERT INTO messages (number, task, text, delivery, at) VALUES (2,1,'Mind the tests','steer',1767225601000);
INSERT INTO commands (id, task, epoch, body) VALUES (1,1,1,'{"type":"message","number":1}');
INSERT INTO commands (id, task, epoch, body) VALUES (2,1,1,'{"type":"approval_reply","data":{"request_id":"r1","kind":"permission","decision":"once"}}');
INSERT INTO commands (id, task, epoch, body) VALUES (3,1,1,'{"type":"message","number":2}');
INSERT INTO approvals (id, task, epoch, request_id, status, always, view, asked_at) VALUES ('7cf3c256-32b9-4409-93fb-64afebede10d',1,1,'r1','answered','["npm *"]','{"kind":"permission","title":"bash: npm test","permission":"bash","patterns":["npm test"],"questions":[],"detail":{"command":"npm test"},"id":"7cf3c256-32b9-4409-93fb-64afebede10d","task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","status":"answered","asked_at":"2026-01-01T00:00:01.000Z","expires_at":"2026-01-01T00:15:01.000Z","answer":{"decision":"always","by":"person","at":"2026-01-01T00:00:01.000Z"}}',1767225601000);
INSERT INTO approvals (id, task, epoch, request_id, status, always, view, asked_at) VALUES ('e8eb2af2-f261-45a8-91cd-424e42a85121',1,1,'r2','open','["npm run *"]','{"kind":"permission","title":"bash: npm run build","permission":"bash","patterns":["npm run build"],"questions":[],"detail":{"command":"npm test"},"id":"e8eb2af2-f261-45a8-91cd-424e42a85121","task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","status":"open","asked_at":"2026-01-01T00:00:01.000Z","expires_at":"2026-01-01T00:15:01.000Z","answer":null}',1767225601000);
INSERT INTO approvals (id, task, epoch, request_id, status, always, view, asked_at) VALUES ('aa1883c4-ffd0-40f5-bd14-dcc312684e4e',1,1,'r3','open','[]','{"kind":"question","title":"Colour","permission":null,"patterns":[],"questions":[{"question":"Which colour?","header":"Colour","options":[{"label":"red","description":""},{"label":"blue","description":""}],"multiple":false}],"detail":{"command":"npm test"},"id":"aa1883c4-ffd0-40f5-bd14-dcc312684e4e","task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","status":"open","asked_at":"2026-01-01T00:00:01.000Z","expires_at":"2026-01-01T00:15:01.000Z","answer":null}',1767225601000);
INSERT INTO always_rules (permission, pattern) VALUES ('bash','npm *');
INSERT INTO checkpoints (number, view, files, patch_artifact, patch_sha256, conversation_artifact, conversation_sha256, conversation_format) VALUES (1,'{"number":1,"task_id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000001","epoch":1,"created_at":"2026-01-01T00:00:01.000Z","turn":1,"messages_done":1,"base_commit":"4b825dc642cb6eb9a060e54bf8d69288fbee4904","patch_bytes":2400,"conversation_bytes":14,"local_only":false,"requested":false}','[{"path":"one.txt","status":"added","additions":1,"deletions":0}]','4e50ccca-b262-4249-808a-30da4adaa780','55d9da66b453094dd138021d129cf5e2dce452294d5ba4418653539c818ec050','bcd703c0-f374-4975-8b8c-158b7e13aaa5','eba81d3592453f9ed71fa829fd297b4b569b5006e9b8dce9cefc19cce88664b4','opencode-1');
INSERT INTO artifacts (id, task, epoch, chunks, chars) VALUES ('4e50ccca-b262-4249-808a-30da4adaa780',1,1,3,3208);
INSERT INTO artifacts (id, task, epoch, chunks, chars) VALUES ('bcd703c0-f374-4975-8b8c-158b7e13aaa5',1,1,1,20);
INSERT INTO artifact_chunks (artifact, number, data) VALUES ('4e50ccca-b262-4249-808a-30da4adaa780',0,'ZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZiBvZiBvbmUKZGlmZg==');
INSERT INTO artifact_chunks (artifact, number, data) VALUES ('4e50ccca-b262-4249-808a-30da4adaa780',1,'IG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIG9uZQpkaWZmIG9mIA==');
INSERT INTO artifact_chunks (artifact, number, data) VALUES ('4e50ccca-b262-4249-808a-30da4adaa780',2,'b25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCmRpZmYgb2Ygb25lCg==');
INSERT INTO artifact_chunks (artifact, number, data) VALUES ('bcd703c0-f374-4975-8b8c-158b7e13aaa5',0,'eyJzYWlkIjoib25lIn0=');
INSERT INTO idempotency (key, fingerprint, answer, at) VALUES ('create','same','{"title":"Released","initial_prompt":"Do it","session_type":"execution","priority":"medium","agent_config":{"permissions":{"bash":"ask"}},"required_capabilities":[],"required_labels":[],"repository":{},"tags":["old"],"metadata":{},"max_duration_seconds":3600,"max_attempts":3,"max_parallel":4,"approval_default":"reject","approval_timeout_seconds":900,"id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000000","status":"pending","parent_session_id":null,"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:00.000Z","started_at":null,"ended_at":null,"active_seconds":0,"health_score":0.8,"requested_action":null,"legal_actions":["start","cancel"],"result":null,"error":null,"open_approvals":0,"checkpoint_count":0,"cursor":"a08ff49b.2"}',1767225600000);
INSERT INTO idempotency (key, fingerprint, answer, at) VALUES ('message','same','{"number":2,"delivery":"steer"}',1767225601000);
