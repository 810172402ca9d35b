-- clock: 1767225600000
CREATE TABLE object_schema (version INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE deadlines (name TEXT PRIMARY KEY, due_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
  lane TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, rev INTEGER NOT NULL,
  rejections INTEGER NOT NULL DEFAULT 0, parked_at INTEGER, last_error TEXT, PRIMARY KEY (lane, key)
) WITHOUT ROWID;
CREATE TABLE outbox_lanes (lane TEXT PRIMARY KEY, failures INTEGER NOT NULL, next_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, revoked_at INTEGER
) WITHOUT ROWID;
CREATE TABLE used_codes (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE socket_places (
  token_id TEXT NOT NULL, kind TEXT NOT NULL, place_id TEXT NOT NULL, PRIMARY KEY (token_id, kind, place_id)
) WITHOUT ROWID;
INSERT INTO object_schema (version, fingerprint) VALUES (1,'74f88ef0341633fc');
INSERT INTO object_schema (version, fingerprint) VALUES (2,'46a7a2c53daccd8d');
INSERT INTO object_schema (version, fingerprint) VALUES (3,'d418d4f5c9af4c9a');
INSERT INTO deadlines (name, due_at) VALUES ('close_again:7cf3c256-32b9-4409-93fb-64afebede10d',1767225630000);
INSERT INTO deadlines (name, due_at) VALUES ('expiry',1767226200000);
INSERT INTO deadlines (name, due_at) VALUES ('idempotency',1767312000000);
INSERT INTO outbox (lane, key, payload, rev, rejections, parked_at, last_error) VALUES ('close_sockets','7cf3c256-32b9-4409-93fb-64afebede10d/session/0198c2f0-1a2b-8c3d-9e4f-5a6b00000000','{"token_id":"7cf3c256-32b9-4409-93fb-64afebede10d","place":{"kind":"session","id":"0198c2f0-1a2b-8c3d-9e4f-5a6b00000000"}}',1,0,NULL,NULL);
INSERT INTO outbox_lanes (lane, failures, next_at) VALUES ('close_sockets',1,1767225600838);
INSERT INTO idempotency (key, fingerprint, answer, at) VALUES ('bulk','f1','null',1767225600000);
INSERT INTO idempotency (key, fingerprint, answer, at) VALUES ('k1','f1','{"id":"a08ff49b-6f77-4632-a16c-43069c43a8c3","name":"kept","role":"viewer","created_at":"2026-01-01T00:00:00.000Z","expires_at":"2026-01-02T00:00:00.000Z","revoked_at":null}',1767225600000);
INSERT INTO tokens (id, name, role, created_at, expires_at, revoked_at) VALUES ('7cf3c256-32b9-4409-93fb-64afebede10d','revoked','viewer',1767225600000,1767312000000,1767225600000);
INSERT INTO tokens (id, name, role, created_at, expires_at, revoked_at) VALUES ('a08ff49b-6f77-4632-a16c-43069c43a8c3','kept','viewer',1767225600000,1767312000000,NULL);
INSERT INTO tokens (id, name, role, created_at, expires_at, revoked_at) VALUES ('e8eb2af2-f261-45a8-91cd-424e42a85121','Sign-in','operator',1767225600000,1767830400000,NULL);
INSERT INTO used_codes (id, expires_at) VALUES ('used-code',1767226200000);
INSERT INTO socket_places (token_id, kind, place_id) VALUES ('7cf3c256-32b9-4409-93fb-64afebede10d','session','0198c2f0-1a2b-8c3d-9e4f-5a6b00000000');
INSERT INTO socket_places (token_id, kind, place_id) VALUES ('a08ff49b-6f77-4632-a16c-43069c43a8c3','agent_registry','default');
INSERT INTO socket_places (token_id, kind, place_id) VALUES ('a08ff49b-6f77-4632-a16c-43069c43a8c3','session','0198c2f0-1a2b-8c3d-9e4f-5a6b00000000');
