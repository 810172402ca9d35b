import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Dispatcher } from '../../../src/domain/dispatch/dispatcher.ts';
import type { QueuedRequest } from '../../../src/domain/dispatch/queue-index.ts';
import { lagOf, PRIORITY_LAG_MS, TASK_LAG_MS } from '../../../src/domain/dispatch/queue-order.ts';
import type { SessionPriority, TaskPriority } from '../../../src/protocol/common/enums.ts';
import { DISPATCH_CONFIG, fleetAgent } from '../../support/dispatcher-of.ts';
import { ANY } from '../../support/requirements.ts';
import { runs } from '../../support/seeds.ts';

const MINUTE_MS = 60_000;

interface Asked {
  session?: string;
  priority?: SessionPriority;
  task_priority?: TaskPriority;
}

/** A queue before one agent, which takes one request at a time. */
class Line {
  now = 1_000_000_000;
  readonly #dispatcher = new Dispatcher(DISPATCH_CONFIG, () => this.now);
  #arrivals = 0;

  /** Times are those of a clock that stands still unless a test moves it. @returns the request's number */
  come({ session, priority = 'medium', task_priority = 'normal' }: Asked): number {
    const arrival = this.#arrivals++;
    const request: QueuedRequest = {
      ...{ task_id: `${arrival}`, epoch: 1, session_id: session ?? `of ${arrival}`, proof_key: '', arrival },
      ...{ queued_at: this.now, joined_at: 0, lag: lagOf({ priority, task_priority }, PRIORITY_LAG_MS) },
      ...{ requirements: ANY, declined: {} },
    };
    this.#dispatcher.queue.put(request, this.now);
    return arrival;
  }

  /** The number of the request that the agent gets next, when it is free; null if none waits. */
  next(): number | null {
    const connection = { instance_id: '1', seen_at: this.now };
    this.#dispatcher.agents.put(fleetAgent('a', { connection }), this.now);
    return this.#dispatcher.match(null, this.now).offers[0]?.request.arrival ?? null;
  }
}

const priorities = Object.keys(PRIORITY_LAG_MS) as SessionPriority[];
const taskPriorities = Object.keys(TASK_LAG_MS) as TaskPriority[];

describe('requests that come together are served', () => {
  it('by the priority of their session, then by that of their task', () => {
    const line = new Line();
    const pairs = priorities.flatMap((priority) =>
      taskPriorities.map((task_priority) => ({ priority, task_priority })),
    );
    const last = pairs.length - 1;
    for (const asked of pairs.toReversed()) line.come(asked);
    expect(pairs.map(() => line.next())).toEqual(pairs.map((_, index) => last - index));
  });

  it('by the priority of their task within a session', () => {
    const line = new Line();
    for (const task_priority of taskPriorities.toReversed()) line.come({ session: 'one', task_priority });
    expect(taskPriorities.map(() => line.next())).toEqual([5, 4, 3, 2, 1, 0]);
  });
});

describe('a session with a thousand requests', () => {
  it('gives way to one that comes later after one request, and not after all', () => {
    const line = new Line();
    for (let each = 0; each < 1_000; each++) line.come({ session: 'large' });
    line.now += 1_000;
    const small = line.come({ session: 'small' });
    line.now += 1_000;
    expect([line.next(), line.next(), line.next()]).toEqual([0, small, 1]);
  });

  it('gets every agent that the others leave', () => {
    const line = new Line();
    for (let each = 0; each < 5; each++) line.come({ session: 'large' });
    expect([1, 2, 3, 4, 5, 6].map(() => line.next())).toEqual([0, 1, 2, 3, 4, null]);
  });
});

it('sessions with many requests of one priority get the same number of agents, within one', async () => {
  await fc.assert(
    fc.property(fc.array(fc.integer({ min: 20, max: 40 }), { minLength: 2, maxLength: 5 }), (sizes) => {
      const line = new Line();
      const sessionOf: number[] = [];
      for (const [session, size] of sizes.entries()) {
        for (let each = 0; each < size; each++) sessionOf[line.come({ session: `${session}` })] = session;
      }
      const served = sizes.map(() => 0);
      for (let turn = 0; turn < 20 * sizes.length; turn++) {
        line.now += MINUTE_MS;
        served[sessionOf[line.next()!]!]!++;
        expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(1);
      }
    }),
    runs(30),
  );
});

it('a request behind an endless stream of critical ones waits no longer than its lags, counted in what may go before it', async () => {
  const anyStream = fc.record({
    priority: fc.constantFrom(...priorities),
    task_priority: fc.constantFrom(...taskPriorities),
    /** How many come each minute, in which the agent does one. */
    rate: fc.integer({ min: 1, max: 3 }),
    before: fc.integer({ min: 0, max: 20 }),
    /** Whether each comes from its own session. */
    many: fc.boolean(),
  });
  await fc.assert(
    fc.property(anyStream, ({ priority, task_priority, rate, before, many }) => {
      const line = new Line();
      const critical = () =>
        line.come({ priority: 'critical', task_priority: 'blocker', ...(!many && { session: 's' }) });
      for (let each = 0; each < before; each++) critical();
      const asked = line.come({ priority, task_priority });
      const lag = lagOf({ priority, task_priority }, PRIORITY_LAG_MS);
      const bound = before + (rate * lag) / MINUTE_MS + rate;
      let served = 0;
      while (line.next() !== asked) {
        served++;
        expect(served).toBeLessThanOrEqual(bound);
        line.now += MINUTE_MS;
        for (let each = 0; each < rate; each++) critical();
      }
    }),
    runs(25),
  );
});
