import type { GraphTask } from '../../../src/domain/graph/task-graph.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/** From how many of the tasks before it a task chooses those for which it waits. */
const NEAR = 50;

/**
 * Tasks of one graph without subtasks, the same for the same seed: each waits for some of those shortly before it. Most
 * hours are few, and some are many.
 * @param density for how many others a task waits in the mean, but for repeated draws
 */
export function randomTasks(count: number, seed: number, density = 3): GraphTask[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const near = Math.min(NEAR, index);
    const others = new Set(
      Array.from({ length: near === 0 ? 0 : Math.round(random() * 2 * density) }, () => {
        return number - 1 - Math.floor(random() * near);
      }),
    );
    const depends_on = [...others].map((task) => {
      return { task, dependency_type: 'finish_to_start' as const, is_required: true };
    });
    // Between a quarter of an hour and eight hours, as many below √2 as above.
    return { number, parent: null, depends_on, priority: 'normal', hours: 0.25 * 32 ** random() };
  });
}
