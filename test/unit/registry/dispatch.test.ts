import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SlotRequest } from '../../../src/ports/agent-registry.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { InjectedFault } from '../../support/node-platform.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { runs } from '../../support/seeds.ts';
import { callFrom, hello, SESSION, slotRequest } from '../ports/agent-registry.fixture.ts';

const AGENTS = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'].map((first) => `${first}-8a52-4f0c-9d0b-0d6f3a1b2c3d`);
const OTHER_SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6c00000000';
const TASKS = 10;
const CALL = callFrom('default');

type Answer = 'accepted' | 'declined' | 'ended';

/** One registry with its agents' sockets. */
class Fleet {
  readonly registry: RegistryInProcess;
  readonly #links = new Map<string, FakeClient>();

  constructor(evictBetweenSteps: boolean) {
    this.registry = new RegistryInProcess({ evictBetweenSteps });
  }

  join(id: string, capacity: number, labels: string[]): void {
    const link = this.registry.connect(id);
    this.#links.set(id, link);
    link.send(hello({ name: `AGENT-${id.slice(0, 1).toUpperCase()}`, capacity, labels }));
  }

  leave(id: string): void {
    this.#links.get(id)?.close();
    this.#links.delete(id);
  }

  /** An answer to one of the agent's offers. */
  answer(id: string, type: Answer, index: number): void {
    const link = this.#links.get(id);
    const offers = link
      ?.frames<{ type: string; task_id: string; epoch: number }>()
      .filter((each) => each.type === 'offer');
    if (!link || !offers?.length) return;
    const { task_id, epoch } = offers[index % offers.length]!;
    link.send({ type, task_id, epoch });
  }

  /**
   * Without what only memory knows: when silent agents are looked at again, and which rows of the outbox were delivered.
   */
  get state(): Record<string, unknown> {
    const { platform } = this.registry;
    const frames = [...this.#links].map(([id, link]) => [id, link.frames()]);
    const {
      deadlines = [],
      outbox: _,
      ...tables
    } = platform.dump() as {
      deadlines?: { due: string }[];
      outbox?: unknown;
    };
    const waiting = deadlines.map(({ due }) => {
      const { queue, ...others } = JSON.parse(due) as Record<string, number>;
      return { ...others, looksAtQueue: queue !== undefined };
    });
    // What was armed is forgotten too, and then armed again at once.
    return { ...tables, $alarm: null, waiting, frames };
  }
}

type Step = (fleet: Fleet) => unknown;
const step = <T>(arbitrary: fc.Arbitrary<T>, run: (fleet: Fleet, value: T) => unknown) =>
  arbitrary.map((value) => {
    const act: Step = (fleet) => run(fleet, value);
    return Object.assign(act, { toString: () => `${run.toString().slice(0, 80)} ${fc.stringify(value)}` });
  });

const anyAgent = fc.constantFrom(...AGENTS);
const anyTask = fc.integer({ min: 1, max: TASKS });
const anyLabels = fc.subarray(['gpu=true', 'os=linux']);
const anyRequest: fc.Arbitrary<SlotRequest> = fc
  .record({
    task: anyTask,
    priority: fc.constantFrom('critical' as const, 'medium' as const),
    required_labels: fc.oneof(fc.constant<string[]>([]), anyLabels),
    worktree_at: anyAgent,
  })
  .map(({ task, priority, ...requirements }) => slotRequest(task, { priority, requirements, ...idsOf(task) }));
/** Half of the tasks belong to another session. */
const idsOf = (task: number) => {
  const session_id = task % 2 === 0 ? SESSION : OTHER_SESSION;
  return { session_id, task_id: taskIdOf(session_id, task) };
};
const keyOf = (task: number) => ({ task_id: idsOf(task).task_id, epoch: 1 });

const anyCall = fc.oneof(
  {
    weight: 4,
    arbitrary: step(fc.tuple(anyAgent, fc.integer({ min: 1, max: 3 }), anyLabels), (fleet, [id, capacity, labels]) =>
      fleet.join(id, capacity, labels),
    ),
  },
  { weight: 8, arbitrary: step(anyRequest, (fleet, request) => fleet.registry.runtime.reserve(request)) },
  {
    weight: 12,
    arbitrary: step(
      fc.tuple(anyAgent, fc.constantFrom<Answer>('accepted', 'declined', 'ended'), fc.nat()),
      (fleet, [id, type, index]) => fleet.answer(id, type, index),
    ),
  },
  step(anyTask, (fleet, task) => fleet.registry.runtime.cancel(keyOf(task))),
  step(fc.tuple(anyTask, anyAgent, fc.boolean()), (fleet, [task, agent_id, own_fault]) =>
    fleet.registry.runtime.release(keyOf(task), {
      ...{ agent_id, own_fault, status: own_fault ? 'failed' : 'completed', ended_at: fleet.registry.platform.clock },
      ...{ duration_ms: task * 1_000, cost_usd: 0, session_type: 'execution', capabilities: [] },
    }),
  ),
  step(anyAgent, (fleet, id) => fleet.registry.runtime.drain(CALL, id, { reason: 'test', timeout_seconds: 60 })),
  step(anyAgent, (fleet, id) => fleet.registry.runtime.resume(CALL, id)),
  step(fc.tuple(anyAgent, fc.integer({ min: 1, max: 3 })), (fleet, [id, max_concurrent_capacity]) =>
    fleet.registry.runtime.update(CALL, id, { max_concurrent_capacity }),
  ),
);
/** A step, and the statement that fails in it. What cannot be repeated at once does not fail. */
const anyStep = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.tuple(anyCall, fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 25 }))),
  },
  fc.tuple(
    step(anyAgent, (fleet, id) => fleet.leave(id)),
    fc.constant(0),
  ),
  fc.tuple(
    step(fc.integer({ min: 1, max: 25_000 }), (fleet, ms) => fleet.registry.advance(ms)),
    fc.constant(0),
  ),
);

describe('what the registry remembers of its agents and its queue', () => {
  it('makes no difference to an eviction before each call, nor to a failed transaction', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
        const [remembering, forgetful] = [new Fleet(false), new Fleet(true)];
        for (const [act, fault] of steps) {
          const { platform } = remembering.registry;
          const before = platform.dump();
          if (fault > 0) platform.failAt(fault);
          try {
            await act(remembering);
          } catch (error) {
            if (!(error instanceof InjectedFault)) throw error;
            expect(platform.dump()).toEqual(before);
            await act(remembering);
          }
          platform.failAt(Number.POSITIVE_INFINITY);
          await act(forgetful);
          for (const fleet of [remembering, forgetful]) await fleet.registry.platform.settle();
          expect(remembering.state).toEqual(forgetful.state);
        }
      }),
      runs(100),
    );
  });
});
