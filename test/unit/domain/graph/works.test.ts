import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tasksEndedBefore } from '../../../../src/domain/graph/reach.ts';
import { buildGraph } from '../../../../src/domain/graph/task-graph.ts';
import { historyOf, lastWorks, startingPoint, type WorkName } from '../../../../src/domain/graph/works.ts';
import { anyAcyclic, on, task } from './graph.arbitrary.ts';

/** Works by their checkpoint, each with the checkpoints that it was made from. Every task has the number of its first checkpoint. */
function works(made: Record<number, number[]>) {
  const name = (checkpoint: number): WorkName => ({ task: checkpoint, checkpoint });
  return { name, parentsOf: ({ checkpoint }: WorkName) => (made[checkpoint] ?? []).map(name) };
}

const checkpoints = (list: readonly WorkName[] | null) => list?.map(({ checkpoint }) => checkpoint);

describe('the tasks that end before one starts', () => {
  it('are those behind finishes, through any number of starts, parents and subtasks', () => {
    const graph = buildGraph([
      task(1),
      task(2, { depends_on: [on(1)] }),
      task(3, { depends_on: [on(2, { dependency_type: 'start_to_start' })] }),
      task(4, { depends_on: [on(3)] }),
      task(5, { parent: 4 }),
      task(6, { parent: 4, depends_on: [on(5)] }),
      task(7, { depends_on: [on(4)] }),
    ]);
    expect(tasksEndedBefore(graph, 3), '2 may still be under way').toEqual([1]);
    expect(tasksEndedBefore(graph, 5), 'the parent waits for 3').toEqual([1, 3]);
    expect(tasksEndedBefore(graph, 7), 'the subtasks instead of 4').toEqual([1, 3, 5, 6]);
  });

  it('are found for any graph as the way back through its events says', () => {
    fc.assert(
      fc.property(anyAcyclic, (tasks) => {
        const graph = buildGraph(tasks);
        const { events } = graph;
        for (const { number } of tasks) {
          const before = tasks.filter(({ number: other }) => {
            const seen = new Set([events.endOf(other)]);
            for (const event of seen) events.forEachAfter(event, (after) => void seen.add(after));
            return seen.has(events.startOf(number)) && !graph.children.has(other);
          });
          expect(tasksEndedBefore(graph, number)).toEqual(before.map((other) => other.number));
        }
      }),
    );
  });
});

describe('the last works', () => {
  it('are those that no other contains, through any number of works', () => {
    const { name, parentsOf } = works({ 2: [1], 3: [2], 4: [1] });
    expect(checkpoints(lastWorks([1, 2, 3, 4].map(name), parentsOf))).toEqual([3, 4]);
    expect(checkpoints(lastWorks([4, 3, 1].map(name), parentsOf)), '2 has no say').toEqual([3, 4]);
  });

  it('with all those before them come each after its parents, in an order of its own', () => {
    const { name, parentsOf } = works({ 2: [1], 3: [1], 4: [3, 2], 5: [2] });
    expect(checkpoints(historyOf([4, 5].map(name), parentsOf, 5))).toEqual([1, 3, 2, 4, 5]);
    expect(historyOf([4, 5].map(name), parentsOf, 4)).toBeNull();
  });
});

describe('a task', () => {
  it('goes on with its own work, unless an earlier task was done again, which is then merged with it', () => {
    const { name, parentsOf } = works({ 3: [1, 2], 5: [4, 3] });
    expect(startingPoint(null, [name(2), name(1)], null, parentsOf)).toEqual({
      from: [name(1), name(2)],
      parents: [name(1), name(2)],
    });
    const goesOn = startingPoint(name(3), [name(1), name(2)], null, parentsOf);
    expect(goesOn).toEqual({ from: [name(3)], parents: [name(1), name(2)] });
    const isBehind = startingPoint(name(3), [name(4), name(2)], null, parentsOf);
    expect(checkpoints(isBehind.from)).toEqual([3, 4]);
    expect(isBehind.parents).toEqual(isBehind.from);
    const hasCaughtUp = startingPoint(name(5), [name(4), name(2)], null, parentsOf);
    expect(hasCaughtUp).toEqual({ from: [name(5)], parents: [name(4), name(3)] });
  });

  it('that is done again follows its work from which others were made, also if it begins without it', () => {
    const { name, parentsOf } = works({ 2: [1], 3: [2] });
    expect(startingPoint(name(2), [name(1)], name(2), parentsOf)).toEqual({ from: [name(2)], parents: [name(2)] });
    expect(startingPoint(null, [name(1)], name(2), parentsOf)).toEqual({ from: [name(1)], parents: [name(2)] });
    const { from, parents } = startingPoint(name(2), [name(4)], name(2), parentsOf);
    expect(parents, 'it is merged already').toEqual(from);
  });

  it('begins with the same works in the same order, whatever order the tasks before it have ended in', () => {
    const shuffled = anyAcyclic.chain((tasks) =>
      fc.tuple(
        fc.constant(tasks),
        // Which tasks leave work behind, and two orders of the tasks; each order is made one that the graph allows.
        fc.uniqueArray(fc.constantFrom(...tasks.map(({ number }) => number))),
        fc.tuple(
          fc.shuffledSubarray(tasks, { minLength: tasks.length }),
          fc.shuffledSubarray(tasks, { minLength: tasks.length }),
        ),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([tasks, withWork, orders]) => {
        const graph = buildGraph(tasks);
        const leaves = tasks.map(({ number }) => number).filter((number) => !graph.children.has(number));
        const [one, other] = orders.map((order) => {
          const made = new Map<number, WorkName & { parents: readonly WorkName[] }>();
          const done = new Set<number>();
          const parentsOf = ({ task: of }: WorkName) => made.get(of)!.parents;
          const start = (number: number) =>
            startingPoint(
              null,
              tasksEndedBefore(graph, number).flatMap((before) => made.get(before) ?? []),
              null,
              parentsOf,
            );
          const wanted = order.map(({ number }) => number).filter((number) => leaves.includes(number));
          const starts: Record<number, { from: number[]; history: number[] }> = {};
          while (done.size < wanted.length) {
            const next = wanted.find(
              (number) => !done.has(number) && tasksEndedBefore(graph, number).every((before) => done.has(before)),
            )!;
            const { from, parents } = start(next);
            const names = (list: readonly WorkName[]) => list.map(({ task: of }) => of);
            starts[next] = { from: names(from), history: names(historyOf(from, parentsOf, 100)!) };
            if (withWork.includes(next)) made.set(next, { task: next, checkpoint: made.size + 1, parents });
            done.add(next);
          }
          return starts;
        });
        expect(one).toEqual(other);
      }),
    );
  });
});
