import { runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';
import { durablePlatform } from '../../durable-objects/kit/platform/durable-object.ts';
import { DEFAULT_SESSION_CONFIG } from '../../durable-objects/session/config.ts';
import { buildSession } from '../../durable-objects/session/runtime.ts';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import { eventually } from '../support/eventually.ts';
import { requested, SocketAgent, SocketWatcher, sessionObject, unwrap } from '../workerd/support/session-in-workerd.ts';
import { expectToSleep, isSameInstance, SLEEP_TIMEOUT_MS } from './sleep.ts';

const timeout = SLEEP_TIMEOUT_MS;

it.concurrent('a session sleeps while its agent and watcher are quiet, and then continues with both', {
  timeout,
}, async () => {
  const session = sessionObject();
  unwrap(await session.api.create(session.call, session.id, requested()));
  unwrap(await session.api.act(session.call, { action: 'start' }));
  const agent = await new SocketAgent(session).connect();
  const watcher = await new SocketWatcher(session).connect();
  await eventually(() => expect(watcher.live).toBe(true));
  await agent.send({ type: 'agent.note', data: { level: 'info', text: 'before' } });
  await expectToSleep(session.stub);
  await agent.send({ type: 'agent.note', data: { level: 'info', text: 'after' } });
  await eventually(() =>
    expect(watcher.follower.state.transcript.slice(-2)).toMatchObject([{ text: 'before' }, { text: 'after' }]),
  );
  expect([agent.over, watcher.faults]).toEqual([null, []]);
});

it.concurrent('a session that has ended sleeps', { timeout }, async () => {
  const session = sessionObject();
  unwrap(await session.api.create(session.call, session.id, requested()));
  unwrap(await session.api.act(session.call, { action: 'start' }));
  unwrap(await session.api.act(session.call, { action: 'complete', body: { result: { success: true } } }));
  await expectToSleep(session.stub);
  expect(await isSameInstance(session.stub)).toBe(true);
});

it.concurrent('a database that never answers delays no deadline of a session, and its row waits', {
  timeout,
}, async () => {
  const { workspace, id, call, stub } = sessionObject();
  await runInDurableObject(stub, async (_instance, state) => {
    const platform = durablePlatform(state, consoleLogger('warn'));
    const nothing = async () => undefined as never;
    const registry = { reserve: async () => ({ state: 'queued' as const, place: 1 }), cancel: nothing };
    const hangs = () => new Promise<never>(() => {});
    const history = { record: hangs, recordRun: hangs, runsOf: async () => [] };
    const directory = { put: nothing, remove: nothing };
    const ports = { registry: registry as never, directory: directory as never, history };
    const runtime = buildSession(workspace, platform, ports, DEFAULT_SESSION_CONFIG);
    unwrap(await runtime.create(call, id, requested()));
    unwrap(await runtime.act(call, { action: 'start' }));
    unwrap(await runtime.act(call, { action: 'complete', body: { result: { success: true } } }));
    const { store, deadlines, outbox } = runtime.parts.kit;
    store.transact(() => deadlines.set('retire', Date.now()));
    runtime.alarm();
    expect(
      store.rows(`SELECT seq FROM event_batches`),
      'retired in the same step, with the delivery still hanging',
    ).toEqual([]);
    await outbox.settled('history');
    expect(outbox.undelivered()).toMatchObject([{ destination: 'history', waiting: 1, parked: 0 }]);
    const [trouble] = store.rows<{ failures: number }>(`SELECT failures FROM destinations WHERE name = 'history'`);
    expect(trouble).toEqual({ failures: 1 });
    store.transact(() => store.rows(`DELETE FROM destinations`));
  });
  await expectToSleep(stub);
});
