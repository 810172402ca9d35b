import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresContextArchive } from '../../../src/adapters/neon/postgres.ts';
import { Rejected } from '../../../src/ports/rejected.ts';
import { MemoryContextArchive } from '../../support/memory-context-archive.ts';
import { embeddedPostgres, serverPostgres, type TestPostgres } from '../../support/postgres.ts';
import { contextArchiveContract, contextRecord, ID } from './context-archive.contract.ts';

describe('contexts in memory', () => {
  const archive = new MemoryContextArchive();
  contextArchiveContract(() => archive);
});

const server = process.env.TEST_POSTGRES_URL;
const backends = [
  { name: 'embedded Postgres', open: embeddedPostgres },
  ...(server ? [{ name: 'a Postgres server', open: () => serverPostgres(server) }] : []),
];

describe.each(backends)('contexts on $name', ({ open }) => {
  let postgres: TestPostgres;
  const archive = () => postgresContextArchive(postgres.databaseUrl, postgres.fetchEndpoint);

  beforeAll(async () => {
    postgres = await open();
  });
  afterAll(() => postgres?.close());

  contextArchiveContract(archive);

  it('rejects permanently what its columns do not accept', async () => {
    await expect(archive().put(contextRecord({ id: 'not-a-uuid' }))).rejects.toThrow(Rejected);
    await expect(archive().put(contextRecord({ version: 2 ** 40 }))).rejects.toThrow(Rejected);
  });

  it('removes the characters that Postgres rejects from names', async () => {
    const record = contextRecord({ workspace: `contexts-${crypto.randomUUID()}`, keys: 'a\u0000bc', name: 'x\ud800' });
    await archive().put(record);
    expect(await archive().list(record.workspace, { q: 'abc\u0000' }, null, 1)).toMatchObject([
      { id: ID, name: 'x\ufffd' },
    ]);
  });

  it('is unavailable, so that messages are sent again, while no server answers', async () => {
    const away = postgresContextArchive('postgres://a:b@no-contexts.test/c', 'http://127.0.0.1:1/sql');
    const error = await away.put(contextRecord()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(Rejected);
  });
});
