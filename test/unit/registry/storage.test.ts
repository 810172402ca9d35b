import { describe, expect, it, vi } from 'vitest';
import { storedDeadlines } from '../../support/deadlines.ts';
import { everyStatement } from '../../support/every-statement.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { MeasuredPlatform } from '../../support/measured-platform.ts';
import { InjectedFault, NodePlatform } from '../../support/node-platform.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { AGENT_A, AGENT_B, hello, INSTANCE_2, slotRequest } from '../ports/agent-registry.fixture.ts';

const [first, second] = [slotRequest(1), slotRequest(2)];
const key = (request: typeof first) => ({ task_id: request.task_id, epoch: request.epoch });

interface Fixture {
  registry: RegistryInProcess;
  agent: FakeClient;
  other: FakeClient;
}

/** Agent A holds the first task, the second task waits, and agent B has not connected yet. */
function fixture(platform: NodePlatform): Fixture {
  const registry = new RegistryInProcess({ platform });
  const agent = registry.connect(AGENT_A);
  agent.send(hello());
  registry.runtime.reserve(first);
  agent.send({ type: 'accepted', ...key(first) });
  registry.runtime.reserve(second);
  return { registry, agent, other: registry.connect(AGENT_B) };
}

/** The same with agent B connected, which has an offer of the second task. */
function offeredFixture(platform: NodePlatform): Fixture {
  const set = fixture(platform);
  set.other.send(hello());
  return set;
}

const sent = ({ agent, other }: Fixture) => [agent.received, other.received, agent.closedBy, other.closedBy];

describe('each change of the registry is atomic, with the frames that it sends', () => {
  it('a first hello, which creates the registry', async () => {
    await everyStatement(
      (platform) => {
        const registry = new RegistryInProcess({ platform });
        return { registry, agent: registry.connect(AGENT_A), other: registry.connect(AGENT_B) };
      },
      ({ agent }) => agent.send(hello()),
      sent,
    );
  });

  it.each<[string, (platform: NodePlatform) => Fixture, (fixture: Fixture) => unknown]>([
    ['a hello that serves the queue', fixture, ({ other }) => other.send(hello())],
    ['a hello that frees a slot', fixture, ({ registry }) => registry.connect(AGENT_A).send(hello({ capacity: 2 }))],
    ['a reservation that is queued', fixture, ({ registry }) => registry.runtime.reserve(slotRequest(3))],
    [
      'a reservation that is offered at once',
      (platform) => {
        const set = offeredFixture(platform);
        set.registry.runtime.release(key(second));
        return set;
      },
      ({ registry }) => registry.runtime.reserve(slotRequest(3)),
    ],
    [
      'a reservation with changed requirements',
      fixture,
      ({ registry }) => registry.runtime.reserve({ ...second, priority: 'high' }),
    ],
    ['an accepted offer', offeredFixture, ({ other }) => other.send({ type: 'accepted', ...key(second) })],
    ['a declined offer', offeredFixture, ({ other }) => other.send({ type: 'declined', ...key(second), reason: 'no' })],
    ['an ended lease', fixture, ({ agent }) => agent.send({ type: 'ended', ...key(first) })],
    ['a cancellation', offeredFixture, ({ registry }) => registry.runtime.cancel(key(second))],
    [
      'a cancellation that arrives before its request',
      fixture,
      ({ registry }) => registry.runtime.cancel(key(slotRequest(9))),
    ],
    ['a release that serves the queue', fixture, ({ registry }) => registry.runtime.release(key(first))],
  ])('%s', async (_what, setup, mutate) => {
    const steps = await everyStatement(setup, mutate, sent);
    expect(steps).toBeGreaterThan(2);
  });

  it('a closed socket stores its time or, after a throw before any statement, nothing', () => {
    // The platform reports the close of a socket once, so each throw needs a new registry.
    const closing = () => {
      const platform = new NodePlatform();
      const { agent } = fixture(platform);
      platform.clock += 1_000;
      return { platform, close: () => agent.close(), before: platform.dump() };
    };
    let step = 1;
    for (; ; step++) {
      const { platform, close, before } = closing();
      platform.failAt(step);
      try {
        close();
      } catch (error) {
        expect(error).toBeInstanceOf(InjectedFault);
        expect(platform.dump(), `after a throw before step ${step}`).toEqual(before);
        continue;
      }
      expect(platform.dump()).not.toEqual(before);
      break;
    }
    expect(step).toBeGreaterThan(2);
  });

  it('an alarm that throws runs again and comes to the same state', async () => {
    const run = async (fault: number) => {
      const { registry } = offeredFixture(new RegistryInProcess().platform);
      const { platform } = registry;
      platform.clock = platform.alarm!;
      platform.failAt(fault);
      platform.fireAlarm(() => registry.runtime.alarm());
      const hit = !platform.faultPending;
      platform.failAt(Number.POSITIVE_INFINITY);
      await registry.advance(60_000);
      return { hit, state: registry.runtime.reserve(second) };
    };
    vi.spyOn(console, 'error').mockImplementation(() => {});
    for (let fault = 1; ; fault++) {
      const { hit, state } = await run(fault);
      expect(state, `fault at step ${fault}`).toMatchObject({ state: expect.stringMatching(/queued|offered/) });
      if (!hit) break;
    }
  });
});

describe('the writes of the registry', () => {
  it('writes nothing for a ping or the hello of a known agent that has not changed', () => {
    const { registry, agent } = offeredFixture(new RegistryInProcess().platform);
    registry.runtime.cancel(key(second));
    const before = registry.platform.dump();
    const again = registry.connect(AGENT_A);
    registry.platform.failAt(1); // no transaction begins
    again.send(hello({ leases: [key(first)] }));
    again.ping();
    expect(registry.platform.faultPending).toBe(true);
    expect(registry.platform.dump()).toEqual(before);
    expect(again.frames()).toEqual([{ type: 'welcome', agent_id: AGENT_A }]);
    expect(agent.closedBy).toMatchObject({ code: 1000 });
  });

  it('writes nothing for the hello of a new process of an unchanged agent', () => {
    const registry = new RegistryInProcess();
    const first = registry.connect(AGENT_A);
    first.send(hello());
    first.close();
    const before = registry.platform.dump();
    registry.connect(AGENT_A).send(hello({ instance_id: INSTANCE_2 }));
    expect(registry.platform.dump()).toEqual(before);
  });

  it('stores the deadline of an offer before it sends the offer, and repeats an offer that was lost', async () => {
    const { registry, agent } = fixture(new RegistryInProcess().platform);
    const { platform } = registry;
    const [deaf] = platform.sockets(`agent:${AGENT_A}`);
    let storedWhenSent: Record<string, unknown> = {};
    deaf!.send = () => {
      storedWhenSent = platform.dump();
      throw new Error('the process dies here');
    };
    vi.spyOn(console, 'error').mockImplementation(() => {});
    registry.runtime.release(key(first));
    expect(registry.runtime.reserve(second)).toMatchObject({ state: 'offered' });
    expect(agent.frames().filter(({ type }) => type === 'offer')).toHaveLength(1);
    expect(storedWhenSent).toMatchObject({
      slots: expect.arrayContaining([
        expect.objectContaining({ ...key(second), state: 'offered', offered_until: platform.clock + 20_000 }),
      ]),
      deadlines: [{ due: expect.stringContaining(`"offers":${platform.clock + 20_000}`) }],
    });

    const reborn = new RegistryInProcess({ platform });
    agent.vanish();
    const again = reborn.connect(AGENT_A);
    await reborn.advance(20_000);
    again.send(hello());
    await reborn.advance(5_000);
    expect(again.frames().at(-1)).toMatchObject({ type: 'offer', task_id: second.task_id, epoch: 1 });
  });

  it('offers nothing to an agent that has been quiet for a minute, until its next ping', async () => {
    const registry = new RegistryInProcess();
    const agent = registry.connect(AGENT_A);
    agent.send(hello());
    await registry.advance(61_000);
    expect(registry.runtime.reserve(first)).toEqual({ state: 'queued', place: 1 });
    agent.ping();
    await registry.advance(30_000);
    expect(agent.frames().at(-1)).toMatchObject({ type: 'offer', task_id: first.task_id });
  });

  it('counts pings as a sign of life', async () => {
    const registry = new RegistryInProcess();
    const agent = registry.connect(AGENT_A);
    agent.send(hello());
    await registry.advance(3_600_000);
    agent.ping();
    expect(registry.runtime.reserve(first)).toEqual({ state: 'offered', agent_id: AGENT_A });
  });

  it('prefers the agent that was idle longer if two are equal', async () => {
    const registry = new RegistryInProcess();
    for (const id of [AGENT_A, AGENT_B]) registry.connect(id).send(hello());
    const held = [first, second].map((request) => registry.runtime.reserve(request));
    expect(held).toEqual([AGENT_A, AGENT_B].map((agent_id) => ({ state: 'offered', agent_id })));
    await registry.advance(1_000);
    registry.runtime.release(key(second));
    await registry.advance(1_000);
    registry.runtime.release(key(first));
    expect(registry.runtime.reserve(slotRequest(3))).toEqual({ state: 'offered', agent_id: AGENT_B });
  });

  it('repeats an offer at growing intervals to an agent that keeps declining it', async () => {
    const registry = new RegistryInProcess();
    const agent = registry.connect(AGENT_A);
    agent.send(hello());
    registry.runtime.reserve(first);
    const asked: number[] = [];
    const start = registry.platform.clock;
    for (let second = 0; second < 300; second++) {
      agent.ping();
      for (const frame of agent.take()) {
        if (frame.type !== 'offer') continue;
        asked.push((registry.platform.clock - start) / 1_000);
        agent.send({ type: 'declined', ...key(first), reason: 'no such repository' });
      }
      await registry.advance(1_000);
    }
    expect(asked).toEqual([0, 5, 15, 35, 75, 135, 195, 255]);
  });

  it('sets only the alarm of the review when no slot is used or queued', async () => {
    const { registry } = offeredFixture(new RegistryInProcess().platform);
    for (const request of [first, second]) registry.runtime.release(key(request));
    await registry.advance(20_000);
    expect(Object.keys(storedDeadlines(registry.platform))).toEqual(['review']);
  });

  it('keeps a tombstone for at least a day, and deletes it at the next review', async () => {
    const registry = new RegistryInProcess();
    const tombstones = () => registry.platform.dump().slots;
    registry.runtime.cancel(key(first));
    await registry.advance(3_600_000);
    registry.runtime.cancel(key(second));
    await registry.advance(86_400_000 - 3_600_001);
    expect(tombstones()).toHaveLength(2);
    await registry.advance(1);
    expect(tombstones()).toEqual([expect.objectContaining(key(second))]);
    await registry.advance(21_600_000);
    expect(registry.platform.dump()).toMatchObject({ slots: [], $alarm: null });
  });

  it('deletes thousands of tombstones a thousand at a time, and reads no more than that of those that stay', async () => {
    const platform = new MeasuredPlatform();
    const registry = new RegistryInProcess({ platform });
    const cancelMany = (from: number) => {
      for (let epoch = from; epoch < from + 2_500; epoch++) registry.runtime.cancel({ ...key(first), epoch });
    };
    cancelMany(1);
    await registry.advance(12 * 3_600_000);
    cancelMany(3_000);
    const reads: number[] = [];
    const count = () => platform.exec('SELECT COUNT(*) AS n FROM slots', [])[0]!.n;
    while (count() !== 0) {
      platform.clock = platform.alarm!;
      platform.take();
      platform.fireAlarm(() => registry.runtime.alarm());
      reads.push(platform.take().rows);
    }
    expect(reads.length).toBeGreaterThan(5);
    expect(reads.length).toBeLessThan(20);
    expect(Math.max(...reads)).toBeLessThan(2_100);
  });

  it('deletes an agent that was disconnected for a day, and keeps a connected one', async () => {
    const registry = new RegistryInProcess();
    const [staying, leaving] = [registry.connect(AGENT_A), registry.connect(AGENT_B)];
    staying.send(hello());
    leaving.send(hello());
    await registry.advance(3_600_000);
    leaving.close();
    for (let hour = 0; hour < 23; hour++) {
      staying.ping();
      await registry.advance(3_600_000);
    }
    const known = () => (registry.platform.dump().agents as { id: string }[]).map(({ id }) => id);
    expect(known()).toEqual([AGENT_A, AGENT_B]);
    for (let hour = 0; hour < 7; hour++) {
      staying.ping();
      await registry.advance(3_600_000);
    }
    expect(known()).toEqual([AGENT_A]);
    staying.vanish();
    await registry.advance(31 * 3_600_000);
    expect(registry.platform.dump()).toMatchObject({ agents: [], $alarm: null });
  });

  it('does nothing more when the same alarm fires twice', async () => {
    const { registry } = offeredFixture(new RegistryInProcess().platform);
    const { platform } = registry;
    platform.clock = platform.alarm!;
    platform.fireAlarm(() => registry.runtime.alarm());
    const once = platform.dump();
    platform.fireAlarm(() => registry.runtime.alarm());
    expect(platform.dump()).toEqual(once);
  });
});
