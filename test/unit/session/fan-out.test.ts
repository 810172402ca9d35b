import { describe, expect, it } from 'vitest';
import { note } from './fake-agent.ts';
import type { FakeWatcher } from './fake-watcher.ts';
import { SessionInProcess } from './harness.ts';

const MANY = 100;

async function watched(watchers: number) {
  const session = new SessionInProcess();
  const agent = await session.begun();
  const all = Array.from({ length: watchers }, () => session.watcher().connect().catchUp());
  return { session, agent, all };
}

const waiting = (all: readonly FakeWatcher[]) => all.filter(({ client }) => client?.received.length === 0).length;

async function expectAll(session: SessionInProcess, all: readonly FakeWatcher[]): Promise<void> {
  const events = await session.events();
  for (const watcher of all) {
    expect(watcher.catchUp().faults).toEqual([]);
    expect(watcher.events).toEqual(events);
  }
}

describe('many watchers of a session', () => {
  it('do not keep the sender of an event waiting: most get it after the sender has its answer', async () => {
    const { session, agent, all } = await watched(MANY);
    agent.send(note('one'));
    expect(agent.acked).toBe(1);
    expect(waiting(all)).toBeGreaterThan(MANY - 20);
    await session.settle();
    expect(waiting(all)).toBe(0);
    await expectAll(session, all);
  });

  it('each get every event once and in order, while events are committed and other watchers join, pull and leave', async () => {
    const { session, agent, all } = await watched(MANY);
    for (let i = 0; i < 30; i++) {
      agent.send(note(`event ${i}`));
      if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      if (i % 5 === 0) all.push(session.watcher().connect().catchUp());
      if (i % 7 === 0) all.shift()?.client?.close();
      if (i % 4 === 0) all[50]!.catchUp();
    }
    await session.settle();
    await expectAll(session, all);
  });

  it('get the last event before they are closed', async () => {
    const { session, agent, all } = await watched(MANY);
    agent.send(note('the last words'));
    await session.runtime.remove(session.call());
    for (const watcher of all) {
      expect(watcher.client?.closedBy?.code).toBe(4010);
      expect(watcher.catchUp().events.some(({ type }) => type === 'agent.note')).toBe(true);
    }
  });

  it('hold back a sender that is faster than them, so that few frames wait and no watcher is left behind', async () => {
    const { session, agent, all } = await watched(MANY);
    const words = 'w'.repeat(30_000);
    for (let i = 0; i < 40; i++) {
      agent.send(note(`${i} ${words}`));
      if (i % 10 === 9) for (const watcher of all) watcher.catchUp();
    }
    expect(all.at(-1)!.events.length).toBeGreaterThan(20);
    await session.settle();
    await expectAll(session, all);
  });
});

it('a few watchers get an event before its sender is answered, because that costs nothing', async () => {
  const { agent, all } = await watched(5);
  agent.send(note('one'));
  expect(waiting(all)).toBe(0);
});
