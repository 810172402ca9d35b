import { expect, it } from 'vitest';
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
