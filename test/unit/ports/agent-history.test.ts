import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresAgentHistory } from '../../../src/adapters/neon/postgres.ts';
import { Rejected } from '../../../src/ports/rejected.ts';
import { MemoryAgentHistory } from '../../support/memory-agent-history.ts';
import { embeddedPostgres, serverPostgres, type TestPostgres } from '../../support/postgres.ts';
import { AGENT, agentHistoryContract, agentRecord, agentRun } from './agent-history.contract.ts';

describe('the history of agents in memory', () => {
  const history = new MemoryAgentHistory();
  agentHistoryContract(() => history);
});

const server = process.env.TEST_POSTGRES_URL;
const backends = [
  { name: 'embedded Postgres', open: embeddedPostgres },
  ...(server ? [{ name: 'a Postgres server', open: () => serverPostgres(server) }] : []),
];

describe.each(backends)('the history of agents on $name', ({ open }) => {
  let postgres: TestPostgres;
  const history = () => postgresAgentHistory(postgres.databaseUrl, postgres.fetchEndpoint);

  beforeAll(async () => {
    postgres = await open();
  });
  afterAll(() => postgres?.close());

  agentHistoryContract(history);

  it('rejects permanently what its columns do not accept', async () => {
    await expect(history().recordAgent(agentRecord({ agent_id: 'not-a-uuid' }))).rejects.toThrow(Rejected);
    await expect(history().recordRun(agentRun({ epoch: 2 ** 40 }))).rejects.toThrow(Rejected);
  });

  it('removes the character that Postgres rejects', async () => {
    const workspace = `history-${crypto.randomUUID()}`;
    await history().recordAgent(agentRecord({ workspace, model: 'a\u0000b', labels: ['c\u0000=d'] }));
    expect(await history().agent(workspace, AGENT)).toMatchObject({ model: 'ab', labels: ['c=d'] });
    await history().recordRun(agentRun({ workspace, agent_name: 'AGENT-\u0000A' }));
    expect(await history().runsOfAgent(workspace, AGENT)).toMatchObject([{ agent_name: 'AGENT-A' }]);
  });

  it('answers the query of the documentation', async () => {
    const [, query] = /```sql\n([\s\S]+?)```/.exec(readFileSync('docs/agents.md', 'utf8'))!;
    const workspace = `history-${crypto.randomUUID()}`;
    for (const run of [agentRun({ quality: 0.5, ratings: 1 }), agentRun({ epoch: 2, status: 'failed' })]) {
      await history().recordRun({ ...run, workspace, cost_usd: 0.25 });
    }
    const { rows } = await postgres.database.pool.query(query!.replace("'default'", `'${workspace}'`));
    const [{ completed, ...row }] = rows as [Record<string, unknown>];
    expect(row).toMatchObject({ agent_name: 'AGENT-BUILD-01', results: '2', quality: 0.5, cost_usd: 0.5 });
    expect(Number(completed)).toBe(0.5);
    expect(rows).toHaveLength(1);
  });

  it('is unavailable, so that records are sent again, while no server answers', async () => {
    const away = postgresAgentHistory('postgres://a:b@no-agents.test/c', 'http://127.0.0.1:1/sql');
    for (const attempt of [() => away.recordAgent(agentRecord()), () => away.recordRun(agentRun())]) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(Rejected);
    }
  });
});
