import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { type FullQueryResults, NeonDbError, neon, neonConfig } from '@neondatabase/serverless';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { projectFile } from '../../cli/launcher/project.ts';
import { type Database, openEmbedded } from '../../cli/postgres/database.ts';
import { runMigrations } from '../../cli/postgres/migrations.ts';
import { eventually } from '../support/eventually.ts';
import { countServer } from '../support/servers.ts';
import { steadyPort } from './support/control-plane.ts';

const password = 'per-start secret/with?odd&characters';
const serverUrl = process.env.TEST_POSTGRES_URL;
const homes = [
  { name: 'embedded Postgres', variables: (directory: string) => ({ OIO_POSTGRES_DIRECTORY: directory }) },
  ...(serverUrl ? [{ name: 'a Postgres server', variables: () => ({ DATABASE_URL: serverUrl }) }] : []),
];

const scratch = mkdtempSync(join(tmpdir(), 'oio-postgres-'));
const processes: ChildProcess[] = [];
afterAll(async () => {
  await Promise.all(processes.map((child) => end(child)));
  rmSync(scratch, { recursive: true, force: true });
});

function startProcess(variables: Record<string, string>, port: number) {
  countServer('Postgres endpoint');
  const env = { PATH: process.env.PATH ?? '', OIO_POSTGRES_PORT: String(port), OIO_POSTGRES_PASSWORD: password };
  const child = spawn(process.execPath, [projectFile('cli/postgres/main.ts')], {
    env: { ...env, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.push(child);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

const connectionString = (secret: string) => `postgres://oio:${encodeURIComponent(secret)}@127.0.0.1/oio`;

/** The driver's errors while the process is still opening its database. */
const untilOpen = <T>(query: () => Promise<T>) => eventually(query);

describe.each(homes)('the Neon driver on $name', ({ variables }) => {
  let sql: ReturnType<typeof neon<false, true>>;
  let url: string;

  beforeAll(async () => {
    const port = await steadyPort();
    startProcess(variables(join(scratch, 'home')), port);
    url = `http://127.0.0.1:${port}/sql`;
    neonConfig.fetchEndpoint = url;
    sql = neon(connectionString(password), { fullResults: true });
    await untilOpen(() => sql`SELECT 1`);
    await sql`DROP TABLE IF EXISTS probe`;
    await sql`CREATE TABLE probe (id int PRIMARY KEY, label text NOT NULL CHECK (label <> ''), extra jsonb)`;
  });
  beforeEach(async () => {
    neonConfig.fetchEndpoint = url;
    await sql`TRUNCATE probe`;
  });
  afterAll(() => sql`DROP TABLE probe`);

  const count = async () => ((await sql`SELECT count(*)::int AS n FROM probe`).rows[0] as { n: number }).n;

  it('returns every type as the driver’s own servers do', async () => {
    const moment = new Date('2026-11-22T15:04:05.678Z');
    const { rows } = (await sql`
      SELECT 1::int AS int, 9007199254740993::bigint AS bigint, 1.10::numeric AS numeric, true AS bool,
             null::text AS nothing, ${'ü €'}::text AS text, ${{ a: [1, null] }}::jsonb AS json,
             ${moment}::timestamptz AS at, ${[1, 2]}::int[] AS list, ${Buffer.from([0, 255])}::bytea AS bytes,
             ''::text AS empty`) as FullQueryResults<false>;
    expect(rows).toEqual([
      {
        int: 1,
        bigint: '9007199254740993',
        numeric: '1.10',
        bool: true,
        nothing: null,
        text: 'ü €',
        json: { a: [1, null] },
        at: moment,
        list: [1, 2],
        bytes: Buffer.from([0, 255]),
        empty: '',
      },
    ]);
  });

  it('returns the command, the number of rows, and the fields', async () => {
    const inserted = await sql`INSERT INTO probe VALUES (1, 'a'), (2, 'b')`;
    expect(inserted).toMatchObject({ command: 'INSERT', rowCount: 2, rows: [] });
    const selected = await sql.query('SELECT id, label FROM probe WHERE id = $1', [2], { arrayMode: true });
    expect(selected).toMatchObject({ command: 'SELECT', rowCount: 1, rows: [[2, 'b']] });
    expect(selected.fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
      ['id', 23],
      ['label', 25],
    ]);
  });

  it.each([
    [
      'a broken constraint',
      `INSERT INTO probe VALUES (1, '')`,
      { code: '23514', table: 'probe', constraint: 'probe_label_check', severity: 'ERROR' },
    ],
    ['a syntax error', 'SELEC 1', { code: '42601', position: '1' }],
    ['an absent table', 'SELECT * FROM nowhere', { code: '42P01' }],
    ['two statements in one text', 'SELECT 1; SELECT 2', { code: '42601' }],
  ])('gives Postgres’s own fields for %s', async (_, text, fields) => {
    const error = await sql.query(text).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NeonDbError);
    expect(error).toMatchObject(fields);
  });

  it('runs a batch as one transaction', async () => {
    const insert = (id: number) => sql`INSERT INTO probe VALUES (${id}, 'x') RETURNING id`;
    const results = await sql.transaction([insert(1), insert(2)]);
    expect(results.map(({ rows }) => rows)).toEqual([[{ id: 1 }], [{ id: 2 }]]);
    await expect(sql.transaction([insert(3), insert(1)])).rejects.toMatchObject({ code: '23505' });
    expect(await count()).toBe(2);
  });

  it('applies a batch’s isolation level and read-only mode', async () => {
    const level = sql`SELECT current_setting('transaction_isolation') AS level`;
    const [first] = await sql.transaction([level], { isolationLevel: 'Serializable', readOnly: true });
    expect(first?.rows).toEqual([{ level: 'serializable' }]);
    const write = sql`INSERT INTO probe VALUES (1, 'x')`;
    await expect(sql.transaction([write], { readOnly: true })).rejects.toMatchObject({ code: '25006' });
  });

  it('answers concurrent requests, each with its own rows', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => sql`SELECT ${n}::int AS n`));
    expect(answers.map(({ rows }) => rows)).toEqual(Array.from({ length: 50 }, (_, n) => [{ n }]));
  });

  it('refuses another password, and a request without one', async () => {
    const stranger = neon(connectionString('guessed'));
    await expect(stranger`SELECT 1`).rejects.toMatchObject({ code: '28P01' });
    const bare = await fetch(url, { method: 'POST', body: '{"query":"SELECT 1","params":[]}' });
    expect(bare.status).toBe(400);
    expect(await bare.json()).toMatchObject({ code: '28P01' });
  });

  it('answers an invalid body and an unknown path with a client error', async () => {
    const headers = { 'neon-connection-string': connectionString(password) };
    expect((await fetch(url, { method: 'POST', headers, body: '{' })).status).toBe(400);
    expect((await fetch(`${url}x`, { method: 'POST', headers, body: '{}' })).status).toBe(404);
  });
});

describe('the embedded Postgres', () => {
  it('keeps what it acknowledged over a SIGKILL, on the same port', async () => {
    // Uses the existing database, because a new one takes seconds of CPU time.
    await Promise.all(processes.map((child) => end(child)));
    const port = await steadyPort();
    const variables = { OIO_POSTGRES_DIRECTORY: join(scratch, 'home') };
    const first = startProcess(variables, port);
    neonConfig.fetchEndpoint = `http://127.0.0.1:${port}/sql`;
    const sql = neon(connectionString(password));
    await untilOpen(() => sql`CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY)`);
    for (let id = 1; id <= 20; id += 1) await sql`INSERT INTO kept VALUES (${id})`;
    await end(first, 'SIGKILL');
    startProcess(variables, port);
    const rows = await untilOpen(() => sql`SELECT id FROM kept ORDER BY id`);
    expect(rows).toEqual(Array.from({ length: 20 }, (_, index) => ({ id: index + 1 })));
  });
});

describe('a server that is down at first', () => {
  const body = JSON.stringify({ query: 'SELECT to_regclass($1) IS NOT NULL AS there', params: ['session_runs'] });
  const ask = (port: number) =>
    fetch(`http://127.0.0.1:${port}/sql`, {
      method: 'POST',
      headers: { 'neon-connection-string': connectionString(password) },
      body,
    });

  it('is answered 503 without a Postgres code, and is migrated before it is asked anything once it is up', async () => {
    const [port, serverPort] = [await steadyPort(), await steadyPort()];
    startProcess({ DATABASE_URL: `postgres://postgres@127.0.0.1:${serverPort}/postgres` }, port);
    const refused = await eventually(() => ask(port));
    expect(refused.status).toBe(503);
    expect(await refused.json()).not.toHaveProperty('code');

    const db = await PGlite.create();
    const server = new PGLiteSocketServer({ db, port: serverPort, host: '127.0.0.1', maxConnections: 10 });
    await server.start();
    try {
      const first = await eventually(async () => {
        const answer = await ask(port);
        expect(answer.status).not.toBe(503);
        return answer;
      });
      expect(await first.json()).toMatchObject({ rows: [['t']] });
    } finally {
      await Promise.all(processes.map((child) => end(child)));
      await server.stop();
      await db.close();
    }
  });
});

describe('migrations', () => {
  let database: Database;
  beforeAll(async () => {
    database = await openEmbedded(join(scratch, 'migrations'));
  });
  afterAll(() => database.close());

  const tables = async () =>
    (await database.pool.query(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)).rows;

  it('from an absent folder change nothing', async () => {
    await runMigrations(database.pool, join(scratch, 'absent'));
    expect(await tables()).toEqual([]);
  });

  it('of this project run, and run again without effect', async () => {
    await runMigrations(database.pool, projectFile('migrations'));
    const after = await tables();
    await Promise.all([1, 2].map(() => runMigrations(database.pool, projectFile('migrations'))));
    expect(await tables()).toEqual(after);
  });
});
