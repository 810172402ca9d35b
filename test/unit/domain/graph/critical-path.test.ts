import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { criticalPath, levelsOf, slackOf, timingOf } from '../../../../src/domain/graph/critical-path.ts';
import type { Event } from '../../../../src/domain/graph/event-graph.ts';
import { predict } from '../../../../src/domain/graph/schedule.ts';
import {
  buildGraph,
  type Dependency,
  delaysStart,
  type GraphTask,
  type TaskGraph,
} from '../../../../src/domain/graph/task-graph.ts';
import { runs } from '../../../support/seeds.ts';
import { anyAcyclic, on, task } from './graph.arbitrary.ts';

const isFinishToStart = ({ dependency_type }: Dependency) => dependency_type === 'finish_to_start';

const hoursIn = (graph: TaskGraph) => (number: number) =>
  graph.children.has(number) ? 0 : graph.tasks.get(number)!.hours;

function measured(tasks: GraphTask[]) {
  const graph = buildGraph(tasks);
  const left = hoursIn(graph);
  const timing = timingOf(graph, left);
  return { graph, left, timing, path: criticalPath(graph, timing, left) };
}

/** Three short tasks in a row beside one long task. */
const LONG_BESIDE_MANY = [
  task(1, { hours: 1 }),
  task(2, { hours: 1, depends_on: [on(1)] }),
  task(3, { hours: 1, depends_on: [on(2)] }),
  task(4, { hours: 8 }),
];

describe('the critical path', () => {
  it('is the longest by hours, which is not the longest chain', () => {
    const { graph, path, timing } = measured(LONG_BESIDE_MANY);
    expect(path).toEqual([4]);
    expect(timing.total).toBe(8);
    const one = () => 1;
    expect(criticalPath(graph, timingOf(graph, one), one)).toEqual([1, 2, 3]);
  });

  it('leaves the other tasks the slack that they have', () => {
    const { graph, timing, left } = measured(LONG_BESIDE_MANY);
    expect([1, 2, 3, 4].map((number) => slackOf(graph, timing, number, left))).toEqual([5, 5, 5, 0]);
  });

  it('goes through subtasks, and counts the hours of a parent only by them', () => {
    const { path, timing } = measured([
      task(1, { hours: 99 }),
      task(2, { parent: 1, hours: 2 }),
      task(3, { parent: 1, hours: 3, depends_on: [on(2)] }),
      task(4, { hours: 1, depends_on: [on(1)] }),
    ]);
    expect(path).toEqual([2, 3, 4]);
    expect(timing.total).toBe(6);
  });

  it('is as long as the longest of all ways, and its tasks have no slack', () => {
    fc.assert(
      fc.property(anyAcyclic, (tasks) => {
        const { graph, path, timing, left } = measured(tasks);
        expect(path.reduce((sum, number) => sum + left(number), 0)).toBeCloseTo(timing.total);
        expect(longestWay(graph)).toBeCloseTo(timing.total);
        for (const number of path) expect(slackOf(graph, timing, number, left)).toBeCloseTo(0);
      }),
      runs(300),
    );
  });

  it('has the hours of the best of all chains of tasks, each of which waits for the end of the one before it', () => {
    const anyChains = anyAcyclic.map((tasks) =>
      tasks.map((one) => {
        return { ...one, parent: null, depends_on: one.depends_on.filter(isFinishToStart) };
      }),
    );
    fc.assert(
      fc.property(anyChains, (tasks) => {
        const chainTo = (number: number): number => {
          const { hours, depends_on } = tasks[number - 1]!;
          return hours + Math.max(0, ...depends_on.map(({ task: other }) => chainTo(other)));
        };
        const { path, timing, left } = measured(tasks);
        const longest = Math.max(...tasks.map(({ number }) => chainTo(number)));
        expect(timing.total).toBeCloseTo(longest);
        expect(path.reduce((sum, number) => sum + left(number), 0)).toBeCloseTo(longest);
      }),
      runs(300),
    );
  });

  it('gets longer by no more than the slack allows', () => {
    fc.assert(
      fc.property(anyAcyclic, fc.nat(), (tasks, pick) => {
        const { timing, left, graph } = measured(tasks);
        const chosen = tasks[pick % tasks.length]!;
        if (graph.children.has(chosen.number)) return;
        const slack = slackOf(graph, timing, chosen.number, left);
        const longer = (by: number) =>
          measured(tasks.with(chosen.number - 1, { ...chosen, hours: chosen.hours + by })).timing.total;
        expect(longer(slack)).toBeCloseTo(timing.total);
        expect(longer(slack + 1)).toBeCloseTo(timing.total + 1);
      }),
      runs(300),
    );
  });
});

/** The longest path by trying all of them. */
function longestWay(graph: TaskGraph): number {
  const { events } = graph;
  const left = hoursIn(graph);
  const from = (event: Event): number => {
    let longest = 0;
    events.forEachAfter(event, (after, kind) => {
      longest = Math.max(longest, from(after) + (kind === 'work' ? left(events.taskOf(event)) : 0));
    });
    return longest;
  };
  return Math.max(...events.mapNodes(from));
}

describe('the levels', () => {
  it('say how many tasks come one after the other before each', () => {
    expect([...levelsOf(buildGraph(LONG_BESIDE_MANY)).values()]).toEqual([0, 1, 2, 0]);
    const together = [task(1), task(2, { depends_on: [on(1, { dependency_type: 'start_to_start' })] })];
    expect([...levelsOf(buildGraph(together)).values()]).toEqual([0, 0]);
  });
});

describe('a prediction', () => {
  const plan = (tasks: GraphTask[], agents: number) => {
    const graph = buildGraph(tasks);
    return predict(graph, { agents, remaining: hoursIn(graph), isUnderWay: () => false });
  };
  const endOfAll = (tasks: GraphTask[], agents: number) =>
    Math.max(...[...plan(tasks, agents).values()].map(({ end }) => end));

  it('shows what one more agent changes', () => {
    expect(endOfAll(LONG_BESIDE_MANY, 1)).toBe(11);
    expect(endOfAll(LONG_BESIDE_MANY, 2)).toBe(8);
    expect(endOfAll(LONG_BESIDE_MANY, 3)).toBe(8);
  });

  it('counts the agents that are at work', () => {
    const graph = buildGraph(LONG_BESIDE_MANY);
    const spans = predict(graph, { agents: 1, remaining: hoursIn(graph), isUnderWay: (number) => number === 1 });
    expect(spans.get(1)).toEqual({ start: 0, end: 1 });
    expect(spans.get(4)).toEqual({ start: 1, end: 9 });
  });

  it('keeps every dependency, never has more tasks under way than agents, and is no shorter than it can be', () => {
    fc.assert(
      fc.property(anyAcyclic, fc.integer({ min: 1, max: 4 }), (tasks, agents) => {
        const { graph, timing, left } = measured(tasks);
        const spans = plan(tasks, agents);
        expect([...spans.keys()].sort((a, b) => a - b)).toEqual(tasks.map(({ number }) => number));
        for (const { number, depends_on, parent } of tasks) {
          const span = spans.get(number)!;
          expect(span.end).toBeGreaterThanOrEqual(span.start + left(number));
          for (const { task: other, dependency_type } of depends_on) {
            const awaited = spans.get(other)![dependency_type.startsWith('finish') ? 'end' : 'start'];
            expect(delaysStart(dependency_type) ? span.start : span.end).toBeGreaterThanOrEqual(awaited);
          }
          if (parent !== null) expect(span.start).toBeGreaterThanOrEqual(spans.get(parent)!.start);
          if (parent !== null) expect(span.end).toBeLessThanOrEqual(spans.get(parent)!.end);
        }
        const workers = tasks.filter(({ number }) => left(number) > 0);
        for (const { number } of workers) {
          const at = spans.get(number)!.start;
          const busy = workers.filter(({ number: one }) => {
            const { start } = spans.get(one)!;
            return start <= at && at < start + left(one);
          });
          expect(busy.length).toBeLessThanOrEqual(agents);
        }
        const last = Math.max(...[...spans.values()].map(({ end }) => end));
        const work = tasks.reduce((sum, { number }) => sum + left(number), 0);
        expect(last).toBeGreaterThanOrEqual(Math.max(timing.total, work / agents) - 1e-9);
        expect(Math.max(...[...plan(tasks, graph.tasks.size).values()].map(({ end }) => end))).toBeCloseTo(
          timing.total,
        );
      }),
      runs(300),
    );
  });
});
