import fc from 'fast-check';
import { hasCycle } from 'graphology-dag';
import { describe, expect, it } from 'vitest';
import { findCycle } from '../../../../src/domain/graph/cycle.ts';
import { complexityOf, pertEstimate } from '../../../../src/domain/graph/estimate.ts';
import { familyOf } from '../../../../src/domain/graph/reach.ts';
import { buildGraph, type GraphTask, type TaskGraph } from '../../../../src/domain/graph/task-graph.ts';
import type { ComplexityLevel, DependencyType } from '../../../../src/protocol/common/enums.ts';
import { runs } from '../../../support/seeds.ts';
import { anyAcyclic, anyDependency, anyTask, on, task } from './graph.arbitrary.ts';

describe('an estimate', () => {
  it('is the mean of PERT with its deviation', () => {
    const { hours, deviation_hours } = pertEstimate({ optimistic_hours: 1, likely_hours: 2, pessimistic_hours: 9 });
    expect(hours).toBe(3);
    expect(deviation_hours).toBeCloseTo(4 / 3);
  });

  it.each<[number, ComplexityLevel]>([
    [0, 'trivial'],
    [0.24, 'trivial'],
    [0.25, 'simple'],
    [0.99, 'simple'],
    [1, 'moderate'],
    [3.99, 'moderate'],
    [4, 'complex'],
    [7.99, 'complex'],
    [8, 'expert'],
  ])('of %d hours makes a task %s', (hours, level) => {
    expect(complexityOf(hours)).toBe(level);
  });
});

describe('a cycle', () => {
  const cycleOf = (...tasks: GraphTask[]) => findCycle(buildGraph(tasks));

  it('is named from one of its tasks around to the same one', () => {
    const tasks = [
      task(1),
      task(2, { depends_on: [on(1), on(4)] }),
      task(3, { depends_on: [on(2)] }),
      task(4, { depends_on: [on(3)] }),
      task(5, { depends_on: [on(4)] }),
    ];
    const path = cycleOf(...tasks)!;
    expect(path.at(0)).toBe(path.at(-1));
    const turned = path.slice(0, -1);
    expect([...turned, ...turned].join()).toContain('2,3,4');
    expect(turned).toHaveLength(3);
  });

  it('closes when a task waits for itself', () => {
    expect(cycleOf(task(1, { depends_on: [on(1)] }))).toEqual([1, 1]);
  });

  it('closes through a parent: a subtask cannot wait for the end of what it is a part of', () => {
    expect(cycleOf(task(1), task(2, { parent: 1 }), task(3, { parent: 2, depends_on: [on(1)] }))).not.toBeNull();
    // 3 is a part of 1, for whose end 2 waits, for which 3 waits.
    const path = cycleOf(task(1), task(2, { depends_on: [on(1)] }), task(3, { parent: 1, depends_on: [on(2)] }))!;
    expect(new Set(path)).toEqual(new Set([1, 2, 3]));
  });

  it.each<[DependencyType, DependencyType, boolean]>([
    ['finish_to_start', 'finish_to_start', true],
    ['start_to_start', 'start_to_start', true],
    ['finish_to_finish', 'finish_to_finish', true],
    ['start_to_finish', 'finish_to_start', true],
    // Each of two may start with the other and end after it.
    ['start_to_start', 'finish_to_finish', false],
    ['start_to_finish', 'start_to_finish', false],
    ['start_to_finish', 'start_to_start', false],
  ])('of two tasks, by %s and %s: %s', (one, other, isCycle) => {
    const first = task(1, { depends_on: [on(2, { dependency_type: one })] });
    const second = task(2, { depends_on: [on(1, { dependency_type: other })] });
    expect(cycleOf(first, second) !== null).toBe(isCycle);
  });

  it('is found in exactly those graphs in which graphology-dag finds one', () => {
    const anyTasks = fc.tuple(anyAcyclic, fc.nat(), fc.nat()).map(([tasks, from, to]) => {
      const [a, b] = [tasks[from % tasks.length]!, tasks[to % tasks.length]!];
      return tasks.with(a.number - 1, { ...a, depends_on: [...a.depends_on, on(b.number)] });
    });
    fc.assert(
      fc.property(anyTasks, (tasks) => {
        const graph = buildGraph(tasks);
        const path = findCycle(graph);
        expect(path !== null).toBe(hasCycle(graph.events));
        if (path === null) return;
        expect(path.at(0)).toBe(path.at(-1));
        const isLinked = (before: number, after: number) => {
          const found = new Set<number>();
          for (const event of [graph.events.startOf(before), graph.events.endOf(before)])
            graph.events.forEachAfter(event, (next) => found.add(graph.events.taskOf(next)));
          return found.has(after);
        };
        for (let at = 1; at < path.length; at++) expect(isLinked(path[at - 1]!, path[at]!)).toBe(true);
      }),
      runs(500),
    );
  });

  it('of a chain of ten thousand tasks is found', () => {
    const chain = Array.from({ length: 10_000 }, (_, index) =>
      task(index + 1, { depends_on: [on(index === 0 ? 10_000 : index)] }),
    );
    expect(cycleOf(...chain)).toHaveLength(10_001);
  });
});

describe('an edit', () => {
  const edgesOf = ({ events, children }: TaskGraph) => ({
    edges: events.mapEdges((_edge, { kind }, before, after) => `${before} < ${after}: ${kind}`).sort(),
    children: [...children].map(([parent, parts]) => [parent, parts.toSorted((a, b) => a - b)]).sort(),
  });
  const anyEdits = fc.array(fc.record({ task: anyTask(9), isRemoved: fc.boolean() }), { maxLength: 12 });

  it('leaves the graph that would be built of the changed tasks', () => {
    fc.assert(
      fc.property(anyAcyclic, anyEdits, (tasks, edits) => {
        const graph = buildGraph(tasks);
        for (const { task: wanted, isRemoved } of edits) {
          const known = graph.tasks.get(wanted.number);
          if (!isRemoved) graph.put([{ ...wanted, parent: known ? known.parent : null }]);
          else if (known) graph.remove(familyOf(graph, known.number));
          const left = [...graph.tasks.values()].map((one) => ({
            ...one,
            // A task that is gone does not come back with those that waited for it.
            depends_on: one.depends_on.filter(({ task: other }) => graph.tasks.has(other)),
          }));
          graph.put(left);
          expect(edgesOf(graph)).toEqual(edgesOf(buildGraph(left)));
        }
      }),
      runs(500),
    );
  });

  it('that closes a cycle is found from the changed task alone', () => {
    fc.assert(
      fc.property(anyAcyclic, fc.nat(), anyDependency(9), (tasks, pick, wish) => {
        const chosen = tasks[pick % tasks.length]!;
        const graph = buildGraph(tasks);
        graph.put([{ ...chosen, depends_on: [...chosen.depends_on, wish] }]);
        expect(findCycle(graph, [chosen.number]) === null).toBe(findCycle(graph) === null);
      }),
      runs(500),
    );
  });
});
