import { expect, it } from 'vitest';
import { PRIORITY_LAG_MS } from '../../../src/domain/dispatch/queue-order.ts';
import type { SessionPriority } from '../../../src/protocol/common/enums.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { AGENT_A, hello, SESSION, slotRequest } from '../ports/agent-registry.fixture.ts';

const URGENT = 'urgent' as SessionPriority;
const STORED: SessionPriority[] = ['low', 'high', 'critical', 'medium'];

/** The priorities of all requests, in the order in which an agent with enough room gets their offers. */
function offeredOrder(registry: RegistryInProcess, priorities: SessionPriority[]): SessionPriority[] {
  const agent = registry.connect(AGENT_A);
  agent.send(hello({ capacity: priorities.length }));
  const offers = agent.frames<{ type: string; task_id: string }>().filter(({ type }) => type === 'offer');
  return offers.map(({ task_id }) => priorities.find((_, index) => task_id === taskIdOf(SESSION, index + 1))!);
}

it('the queue sorts stored requests correctly around a priority that a later release adds in the middle', () => {
  const { platform, runtime } = new RegistryInProcess();
  STORED.forEach((priority, index) => void runtime.reserve(slotRequest(index + 1, { priority })));

  const urgent = PRIORITY_LAG_MS.high / 2;
  const registry = new RegistryInProcess({ platform, lags: { ...PRIORITY_LAG_MS, urgent } });
  const added = slotRequest(5, { priority: URGENT });
  expect(registry.runtime.reserve(added)).toEqual({ state: 'queued', place: 2 });
  const priorities = [...STORED, URGENT];
  expect(offeredOrder(registry, priorities)).toEqual(['critical', 'urgent', 'high', 'medium', 'low']);
  const { slots } = platform.dump() as { slots: { priority: string }[] };
  expect(slots.map(({ priority }) => priority)).toEqual(priorities);
});

it('a request is overtaken only by what comes before its lag has passed, however much of it there is', async () => {
  const registry = new RegistryInProcess();
  const waiting = { low: slotRequest(1, { priority: 'low' }), deferred: slotRequest(2, { priority: 'deferred' }) };
  const offeredAt: Record<string, number> = {};
  const agent = registry.connect(AGENT_A);
  agent.send(hello());
  const start = registry.platform.clock;
  let next = 3;
  const come = () => registry.runtime.reserve(slotRequest(next++, { priority: 'critical' }));
  come();
  for (const request of Object.values(waiting)) registry.runtime.reserve(request);
  // Requests of the highest priority come twice as fast as the agent works.
  for (let seen = 0; registry.platform.clock < start + PRIORITY_LAG_MS.deferred * 3; ) {
    for (const frame of agent.frames<{ type: string; task_id: string; epoch: number }>().slice(seen)) {
      seen++;
      if (frame.type !== 'offer') continue;
      const { task_id, epoch } = frame;
      offeredAt[task_id] = registry.platform.clock - start;
      agent.send({ type: 'accepted', task_id, epoch });
    }
    come();
    come();
    await registry.advance(60_000);
    for (const task_id of Object.keys(offeredAt)) registry.runtime.release({ task_id, epoch: 1 });
  }
  for (const [priority, { task_id }] of Object.entries(waiting)) {
    const lag = PRIORITY_LAG_MS[priority as keyof typeof waiting];
    const came = Object.keys(offeredAt).filter((id) => offeredAt[id]! < (offeredAt[task_id] ?? 0));
    expect(offeredAt[task_id], priority).toBeDefined();
    // Nothing that came after the lag was offered before.
    expect(came.length, priority).toBeLessThanOrEqual((2 * lag) / 60_000 + 2);
  }
});

it('after a rollback, the queue serves requests with an unknown priority last', () => {
  const registry = new RegistryInProcess();
  const priorities: SessionPriority[] = [URGENT, 'deferred', 'critical'];
  priorities.forEach((priority, index) => void registry.runtime.reserve(slotRequest(index + 1, { priority })));
  expect(offeredOrder(registry, priorities)).toEqual(['critical', 'deferred', URGENT]);
});

it('the queue is read in order across several pages', () => {
  const registry = new RegistryInProcess();
  const priorities = Array.from({ length: 250 }, (_, index) => STORED[index % STORED.length]!);
  const stuck = { required_labels: ['gpu=true'] };
  priorities.forEach((priority, index) => {
    const requirements = priority === 'low' ? {} : stuck;
    registry.runtime.reserve(slotRequest(index + 1, { priority, requirements }));
  });
  const agent = registry.connect(AGENT_A);
  agent.send(hello({ capacity: 2 }));
  const offers = agent.frames<{ type: string; task_id: string }>().filter(({ type }) => type === 'offer');
  expect(offers.map(({ task_id }) => task_id)).toEqual([1, 5].map((task) => taskIdOf(SESSION, task)));
});
