import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ResultsTable } from '../../../durable-objects/agent-registry/agents/results-table.ts';
import { REGISTRY_SCHEMA } from '../../../durable-objects/agent-registry/schema.ts';
import { ObjectStore } from '../../../durable-objects/kit/storage/store.ts';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import type { TaskId } from '../../../src/protocol/common/ids.ts';
import { NodePlatform } from '../../support/node-platform.ts';

const AGENTS = ['a', 'b'];

/** A step of the fleet: a result or its rating, or an agent that is removed; `fails` rolls its transaction back. */
const STEP = fc.record({
  agent: fc.constantFrom(...AGENTS),
  task: fc.integer({ min: 1, max: 40 }),
  at: fc.integer({ min: 1, max: 300 }),
  rating: fc.option(fc.record({ quality: fc.constantFrom<number>(0, 0.5, 1), number: fc.integer({ min: 1, max: 3 }) })),
  removes: fc.integer({ min: 0, max: 30 }).map((n) => n === 0),
  fails: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

function result({ agent, at, rating }: Step): AssignmentResult {
  return {
    agent_id: agent,
    status: 'completed',
    own_fault: false,
    ended_at: at,
    duration_ms: 1,
    cost_usd: 0,
    session_type: 'execution',
    capabilities: ['testing'],
    ...(rating && { rating }),
  };
}

it('the results in memory are those that are stored, whatever fails, and no agent has more than 200', () => {
  fc.assert(
    fc.property(fc.array(STEP, { minLength: 250, maxLength: 600 }), (steps) => {
      const store = new ObjectStore(new NodePlatform(), REGISTRY_SCHEMA);
      store.create(() => {});
      const results = new ResultsTable(store);
      for (const step of steps) {
        const run = () =>
          store.transact(() => {
            if (step.removes) results.removeOf(step.agent);
            else results.add({ task_id: `task-${step.task}` as TaskId, epoch: 1 }, result(step));
            if (step.fails) throw new Error('rolled back');
          });
        if (step.fails) expect(run).toThrow('rolled back');
        else run();
      }
      for (const agent of AGENTS) {
        expect(results.of(agent)).toEqual(new ResultsTable(store).of(agent));
        const older = results.of(agent).slice(200);
        expect(older.every(({ ended_at }) => ended_at === results.of(agent)[199]?.ended_at)).toBe(true);
      }
    }),
    { numRuns: 20 },
  );
});

it('a result is counted once, and its newest rating counts', () => {
  const store = new ObjectStore(new NodePlatform(), REGISTRY_SCHEMA);
  store.create(() => {});
  const results = new ResultsTable(store);
  const step: Step = { agent: 'a', task: 1, at: 1, rating: null, removes: false, fails: false };
  const add = (rating: Step['rating']) =>
    store.transact(() => results.add({ task_id: 'task-1' as TaskId, epoch: 1 }, result({ ...step, rating })));
  expect([add(null), add(null)]).toEqual(['new', null]);
  const late = { quality: 0, number: 1 };
  expect([add({ quality: 1, number: 2 }), add(late)]).toEqual(['rated', null]);
  expect(results.of('a')).toMatchObject([{ quality: 1, ratings: 2 }]);
});
