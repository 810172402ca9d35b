import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Fleet, startFleet } from '../system/support/fleet.ts';
import { PostgresServer } from '../system/support/postgres-server.ts';
import { startSession } from '../system/support/started-session.ts';

const runs = () =>
  postgres.rows<{ session_id: string; run: number; status: string }>(
    'SELECT session_id, run, status FROM session_runs ORDER BY recorded_at',
  );
const assignments = () =>
  postgres.rows<{ session_id: string; epoch: number; status: string; agent_name: string }>(
    'SELECT session_id, epoch, status, agent_name FROM agent_runs ORDER BY recorded_at',
  );
const agents = () =>
  postgres.rows<{ name: string; is_removed: boolean }>(
    'SELECT name, removed_at IS NOT NULL AS is_removed FROM agents ORDER BY name',
  );

let fleet: Fleet;
let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.absent();
  fleet = await startFleet({ DATABASE_URL: postgres.url });
  await fleet.agent('AGENT-A').start();
});
afterAll(async () => {
  await fleet.stop();
  await postgres.close();
});

async function expectReadiness(status: 'ready' | 'degraded', ofPostgres: 'ok' | 'unavailable'): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`${fleet.controlPlane.url}/ready`);
    expect(response.status).toBe(200);
    const dependencies = expect.arrayContaining([
      expect.objectContaining({ name: 'objects', status: 'ok' }),
      expect.objectContaining({ name: 'postgres', status: ofPostgres }),
    ]);
    expect(await response.json()).toEqual({ status, dependencies });
  });
}

/** Runs a session to its end, until the list shows it as completed. */
async function runOne(meanwhile: () => Promise<void> = async () => undefined): Promise<string> {
  const session = await startSession(fleet.client, ['slow 20 50\nrun echo done > done.txt']);
  await session.seen(({ type }) => type === 'turn.started');
  await meanwhile();
  await session.ended('completed');
  session.watch.close();
  await eventually(async () => {
    const { items } = await fleet.client.sessions.list({ status: ['completed'] });
    expect(items.map(({ id }) => id)).toContain(session.id);
  });
  return session.id;
}

describe('Postgres', () => {
  const owed: string[] = [];
  const expectAllArrived = () =>
    eventually(async () => {
      const ended = await runs();
      expect(ended).toHaveLength(owed.length);
      expect(new Set(ended.map((run) => run.session_id))).toEqual(new Set(owed));
      for (const { run, status } of ended) expect([run, status]).toEqual([1, 'completed']);
      const assigned = await assignments();
      expect(assigned).toHaveLength(owed.length);
      expect(new Set(assigned.map((run) => run.session_id))).toEqual(new Set(owed));
      const done = { epoch: 1, status: 'completed', agent_name: 'AGENT-A' };
      for (const assignment of assigned) expect(assignment).toMatchObject(done);
    });

  it('does not need to run for sessions to run, and gets its tables and the waiting runs when it starts', async () => {
    await expectReadiness('degraded', 'unavailable');
    owed.push(await runOne());
    await expect(runs()).rejects.toThrow('session_runs');
    await postgres.up();
    await expectAllArrived();
    await eventually(async () => expect(await agents()).toEqual([{ name: 'AGENT-A', is_removed: false }]));
    await expectReadiness('ready', 'ok');
  });

  it('delays but does not duplicate the rows of runs and agents when it stops during the run, together with its endpoint', async () => {
    owed.push(
      await runOne(async () => {
        await postgres.down();
        await fleet.controlPlane.kill('postgres');
      }),
    );
    owed.push(await runOne());
    const brief = { name: 'AGENT-BRIEF', agent_type: 'reviewer' as const, capabilities: [] };
    const { id } = await fleet.client.agents.register(brief);
    await fleet.client.agents.deregister(id, { force: true });
    await expectReadiness('degraded', 'unavailable');
    expect(await runs()).toHaveLength(1);
    expect(await assignments()).toHaveLength(1);
    await postgres.up();
    await expectAllArrived();
    await eventually(async () =>
      expect(await agents()).toEqual([
        { name: 'AGENT-A', is_removed: false },
        { name: 'AGENT-BRIEF', is_removed: true },
      ]),
    );
    await expectReadiness('ready', 'ok');
  });
});
