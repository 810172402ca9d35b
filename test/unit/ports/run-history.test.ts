import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresRunHistory } from '../../../src/adapters/neon/postgres.ts';
import { Rejected } from '../../../src/ports/rejected.ts';
import { MemoryRunHistory } from '../../support/memory-run-history.ts';
import { embeddedPostgres, serverPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runHistoryContract, sessionRun } from './run-history.contract.ts';

describe('the run history in memory', () => {
  const history = new MemoryRunHistory();
  runHistoryContract(() => history);
});

const server = process.env.TEST_POSTGRES_URL;
const backends = [
  { name: 'embedded Postgres', open: embeddedPostgres },
  ...(server ? [{ name: 'a Postgres server', open: () => serverPostgres(server) }] : []),
];

describe.each(backends)('the run history on $name', ({ open }) => {
  let postgres: TestPostgres;
  const history = () => postgresRunHistory(postgres.databaseUrl, postgres.fetchEndpoint);

  beforeAll(async () => {
    postgres = await open();
  });
  afterAll(() => postgres?.close());

  runHistoryContract(history);

  it.each([
    ['a value that its column does not accept', { session_id: 'not-a-uuid' }],
    ['a number beyond its range', { run: 2 ** 40 }],
    ['a missing member', { status: null as unknown as 'completed' }],
  ])('rejects permanently %s', async (_what, changes) => {
    await expect(history().record(sessionRun(changes))).rejects.toThrow(Rejected);
  });

  it('removes the character that Postgres rejects from a title', async () => {
    const run = sessionRun({ workspace: `history-${crypto.randomUUID()}`, title: 'a\u0000b' });
    await history().record(run);
    expect(await history().runsOf(run.workspace, run.session_id)).toEqual([{ ...run, title: 'ab' }]);
  });

  it.each([
    ['the table does not exist yet', async () => await withoutTable(() => history().record(sessionRun()))],
    [
      'no server answers',
      async () =>
        await postgresRunHistory('postgres://a:b@nobody.test/c', 'http://127.0.0.1:1/sql').record(sessionRun()),
    ],
    ['the password is wrong', async () => await withPassword('wrong')],
    ['the time is up', async () => await history().record(sessionRun(), AbortSignal.abort())],
  ])('is unavailable, so that the run is sent again, while %s', async (_what, attempt) => {
    const error = await attempt().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(Rejected);
  });

  async function withoutTable(attempt: () => Promise<void>): Promise<void> {
    await postgres.database.pool.query('ALTER TABLE session_runs RENAME TO session_runs_away');
    try {
      await attempt();
    } finally {
      await postgres.database.pool.query('ALTER TABLE session_runs_away RENAME TO session_runs');
    }
  }

  async function withPassword(password: string): Promise<void> {
    const url = new URL(postgres.databaseUrl);
    url.password = password;
    await postgresRunHistory(url.href, postgres.fetchEndpoint).record(sessionRun());
  }
});
