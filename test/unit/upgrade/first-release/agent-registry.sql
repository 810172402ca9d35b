-- clock: 1767225601000
CREATE TABLE object_schema (version INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE deadlines (name TEXT PRIMARY KEY, due_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
  lane TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, rev INTEGER NOT NULL,
  rejections INTEGER NOT NULL DEFAULT 0, parked_at INTEGER, last_error TEXT, PRIMARY KEY (lane, key)
) WITHOUT ROWID;
CREATE TABLE outbox_lanes (lane TEXT PRIMARY KEY, failures INTEGER NOT NULL, next_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE registry (
  one INTEGER PRIMARY KEY CHECK (one = 1), workspace TEXT NOT NULL, arrivals INTEGER NOT NULL
);
CREATE TABLE agents (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, instance_id TEXT NOT NULL, capacity INTEGER NOT NULL,
  capabilities TEXT NOT NULL, labels TEXT NOT NULL, repository TEXT, model TEXT, version TEXT NOT NULL,
  last_seen_at INTEGER NOT NULL, idle_since INTEGER NOT NULL
, remotes TEXT NOT NULL DEFAULT '[]') WITHOUT ROWID;
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
INSERT INTO object_schema (version, fingerprint) VALUES (1,'74f88ef0341633fc');
INSERT INTO object_schema (version, fingerprint) VALUES (2,'e03ba565c0da974a');
INSERT INTO object_schema (version, fingerprint) VALUES (3,'67a8fe3b26d3f740');
INSERT INTO deadlines (name, due_at) VALUES ('agents',1767247200000);
INSERT INTO deadlines (name, due_at) VALUES ('offer:0198c2f0-1a2b-8c3d-9e4f-5a6b00000002:1',1767225620000);
INSERT INTO deadlines (name, due_at) VALUES ('offer:0198c2f0-1a2b-8c3d-9e4f-5a6b0000000a:1',1767225621000);
INSERT INTO deadlines (name, due_at) VALUES ('tombstones',1767312001000);
INSERT INTO registry (one, workspace, arrivals) VALUES (1,'acme',10);
INSERT INTO agents (id, name, instance_id, capacity, capabilities, labels, repository, model, version, last_seen_at, idle_since, remotes) VALUES ('aaaaaaaa-8a52-4f0c-9d0b-0d6f3a1b2c3d','AGENT-A','11111111-8a52-4f0c-9d0b-0d6f3a1b2c3d',2,'[]','["zone=a"]','root','test/scripted','0.1.0',1767225600000,1767225600000,'["github.com/acme/app"]');
INSERT INTO agents (id, name, instance_id, capacity, capabilities, labels, repository, model, version, last_seen_at, idle_since, remotes) VALUES ('bbbbbbbb-8a52-4f0c-9d0b-0d6f3a1b2c3d','AGENT-B','22222222-8a52-4f0c-9d0b-0d6f3a1b2c3d',1,'[]','["zone=b"]',NULL,'test/scripted','0.1.0',1767225601000,1767225601000,'[]');
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, arrival, requirements, declined) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',1,'0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','taken','aaaaaaaa-8a52-4f0c-9d0b-0d6f3a1b2c3d',2,1,'{"required_capabilities":[],"required_labels":["zone=a"],"repository":null,"repository_key":null,"avoid_agents":[]}','{}');
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, arrival, requirements, declined) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000002',1,'0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','offered','aaaaaaaa-8a52-4f0c-9d0b-0d6f3a1b2c3d',2,2,'{"required_capabilities":[],"required_labels":["zone=a"],"repository":null,"repository_key":null,"avoid_agents":[]}','{}');
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, arrival, requirements, declined) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000004',1,'0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','queued',NULL,3,4,'{"required_capabilities":[],"required_labels":["zone=a"],"repository":"root","repository_key":null,"avoid_agents":[]}','{}');
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, arrival, requirements, declined) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000005',1,'0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','queued',NULL,0,5,'{"required_capabilities":[],"required_labels":["zone=a"],"repository":"root","repository_key":null,"avoid_agents":[]}','{}');
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, arrival, requirements, declined) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000006',1,'0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','queued',NULL,2,6,'{"required_capabilities":[],"required_labels":["zone=a"],"repository":"root","repository_key":null,"avoid_agents":[]}','{}');
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, arrival, requirements, declined) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000007',1,'0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','queued',NULL,1,7,'{"required_capabilities":[],"required_labels":["zone=a"],"repository":"root","repository_key":null,"avoid_agents":[]}','{}');
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, arrival, requirements, declined) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000008',1,'0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','queued',NULL,4,8,'{"required_capabilities":[],"required_labels":["zone=a"],"repository":"root","repository_key":null,"avoid_agents":[]}','{}');
INSERT INTO slots (task_id, epoch, session_id, state, agent_id, priority, arrival, requirements, declined) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b0000000a',1,'0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','offered','bbbbbbbb-8a52-4f0c-9d0b-0d6f3a1b2c3d',2,10,'{"required_capabilities":[],"required_labels":["zone=b"],"repository":null,"repository_key":null,"avoid_agents":[]}','{}');
INSERT INTO ended_slots (task_id, epoch, ended_at) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000003',1,1767225601000);
INSERT INTO ended_slots (task_id, epoch, ended_at) VALUES ('0198c2f0-1a2b-8c3d-9e4f-5a6b00000009',1,1767225601000);
