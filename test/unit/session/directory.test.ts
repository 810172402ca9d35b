import { expect, it } from 'vitest';
import { Rejected } from '../../../src/ports/rejected.ts';
import { usage } from './fake-agent.ts';
import { SessionInProcess } from './harness.ts';

it('the directory gets growing values at most once a second, and always the last one', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  await session.settle();
  const { rev } = session.destinations.entry!;
  for (let i = 0; i < 10; i++) {
    agent.send(usage(1));
    await session.advance(90);
  }
  expect(session.destinations.entry?.rev, 'within the first second').toBe(rev);
  await session.advance(1_000);
  expect(session.destinations.entry).toMatchObject({ rev: rev + 1, summary: { cost_usd: 10 } });
});

it('an unreachable directory delays nothing, and gets the newest entry when it returns', async () => {
  const session = new SessionInProcess();
  session.destinations.away = { directory: true };
  await session.create();
  await session.act('start');
  await session.act('cancel');
  expect(session.destinations.entry).toBeNull();
  session.destinations.away = {};
  await session.advance(300_000);
  expect(session.destinations.entry?.summary.status).toBe('cancelled');
});

it('an unreachable database gets each finished run when it returns', async () => {
  const session = new SessionInProcess();
  session.destinations.away = { history: true };
  await session.create();
  await session.act('start');
  await session.act({ action: 'stop', body: {} });
  await session.act({ action: 'retry', body: { from: 'last' } });
  await session.act({ action: 'complete', body: { result: { success: true } } });
  expect(await session.status()).toBe('completed');
  await session.advance(60_000);
  expect(session.destinations.runs.size).toBe(0);
  session.destinations.away = {};
  await session.advance(300_000);
  expect([...session.destinations.runs.values()].map(({ run, status }) => [run, status])).toEqual([
    [1, 'stopped'],
    [2, 'completed'],
  ]);
});

it('calls do not ask a directory again that fails, and it is up to date soon after its return', async () => {
  const session = new SessionInProcess();
  const { directory } = session.destinations;
  const put = directory.put;
  let asked = 0;
  directory.put = (entry) => {
    asked++;
    return put(entry);
  };
  session.destinations.away = { directory: true };
  await session.create();
  for (let n = 0; n < 10; n++) await session.runtime.update(session.call(), { title: `Title ${n}` });
  expect(asked).toBe(1);
  session.destinations.away = {};
  await session.advance(2_000);
  expect(session.destinations.entry?.summary.title).toBe('Title 9');
});

it('a session shows what it could not deliver, and why', async () => {
  const session = new SessionInProcess();
  const stored = session.destinations.history.record;
  session.destinations.history.record = async () => {
    throw new Rejected('Postgres rejected the row (SQLSTATE 22003)');
  };
  session.destinations.away = { directory: true };
  await session.create();
  await session.act('start');
  await session.act('cancel');
  await session.advance(3_600_000);
  expect((await session.view(['deliveries'])).deliveries).toEqual([
    { destination: 'directory', waiting: 1, parked: 0, last_error: null, next_attempt_at: expect.any(String) },
    {
      destination: 'history',
      waiting: 0,
      parked: 1,
      last_error: 'Postgres rejected the row (SQLSTATE 22003)',
      next_attempt_at: null,
    },
  ]);
  session.destinations.history.record = stored;
  session.destinations.away = {};
  await session.advance(3_600_000);
  expect((await session.view(['deliveries'])).deliveries).toMatchObject([{ destination: 'history', parked: 1 }]);
});
