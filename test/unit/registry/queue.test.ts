import { expect, it } from 'vitest';
import { PRIORITY_RANK } from '../../../src/domain/ranks.ts';
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

  const urgent = (PRIORITY_RANK.critical + PRIORITY_RANK.high) / 2;
  const registry = new RegistryInProcess({ platform, ranks: { ...PRIORITY_RANK, urgent } });
  const added = slotRequest(5, { priority: URGENT });
  expect(registry.runtime.reserve(added)).toEqual({ state: 'queued', place: 2 });
  const priorities = [...STORED, URGENT];
  expect(offeredOrder(registry, priorities)).toEqual(['critical', 'urgent', 'high', 'medium', 'low']);
  const { slots } = platform.dump() as { slots: { priority: string }[] };
  expect(slots.map(({ priority }) => priority)).toEqual(priorities);
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
