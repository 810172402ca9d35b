import fc from 'fast-check';
import { findCycle } from '../../../../src/domain/graph/cycle.ts';
import { buildGraph, type Dependency, type GraphTask } from '../../../../src/domain/graph/task-graph.ts';
import { DependencyType, TaskPriority } from '../../../../src/protocol/common/enums.ts';

/** A task without anything special. */
export function task(number: number, changes: Partial<GraphTask> = {}): GraphTask {
  return { number, parent: null, depends_on: [], priority: 'normal', hours: 1, ...changes };
}

/** A dependency, by default a required one from the end of the other task to the start. */
export function on(task: number, changes: Partial<Dependency> = {}): Dependency {
  return { task, dependency_type: 'finish_to_start', is_required: true, ...changes };
}

export const anyDependency = (most: number): fc.Arbitrary<Dependency> =>
  fc.record({
    task: fc.integer({ min: 1, max: most }),
    dependency_type: fc.constantFrom(...DependencyType().options),
    is_required: fc.boolean(),
  });

/** A task of those up to `most`, with any dependencies and no parent. */
export const anyTask = (most: number): fc.Arbitrary<GraphTask> =>
  fc.record({
    number: fc.integer({ min: 1, max: most }),
    parent: fc.constant(null),
    priority: fc.constantFrom(...TaskPriority().options),
    hours: fc.integer({ min: 0, max: 8 }),
    depends_on: fc.array(anyDependency(most), { maxLength: 4 }),
  });

/** Tasks with any parents, and any dependencies that close no cycle: each that would is left out. */
export const anyAcyclic: fc.Arbitrary<GraphTask[]> = fc.integer({ min: 1, max: 9 }).chain((most) =>
  fc
    .tuple(
      ...Array.from({ length: most }, (_, index) =>
        fc.record({
          number: fc.constant(index + 1),
          parent: index === 0 ? fc.constant(null) : fc.option(fc.integer({ min: 1, max: index }), { nil: null }),
          priority: fc.constantFrom(...TaskPriority().options),
          hours: fc.integer({ min: 0, max: 8 }),
          wishes: fc.uniqueArray(anyDependency(most), {
            maxLength: 4,
            selector: ({ task: other, dependency_type }) => `${other} ${dependency_type}`,
          }),
        }),
      ),
    )
    .map((drawn) => {
      const tasks: GraphTask[] = drawn.map(({ wishes: _, ...rest }) => ({ ...rest, depends_on: [] }));
      for (const [index, { wishes }] of drawn.entries()) {
        for (const wish of wishes) {
          const changed = { ...tasks[index]!, depends_on: [...tasks[index]!.depends_on, wish] };
          const tried = tasks.with(index, changed);
          if (findCycle(buildGraph(tried)) === null) tasks[index] = changed;
        }
      }
      return tasks;
    }),
);
