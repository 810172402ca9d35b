import { isFinal } from '../task-status.ts';
import { isWorkedOn, type TaskFacts } from './session-status.ts';

/** What the status of a session must know of its tasks, each as the tasks of which it is true. */
const TRAITS = {
  all: () => true,
  ended: isFinal,
  working: isWorkedOn,
  degraded: (task: TaskFacts) => isWorkedOn(task) && task.degraded_by !== null,
  failed: ({ status }: TaskFacts) => status === 'failed',
  /** Cancelled, or kept from its work by another task. */
  not_reached: ({ status, cause }: TaskFacts) => status === 'cancelled' || cause !== null,
  /** Done as a whole, or skipped by a person. */
  whole: ({ status, outcome, cause }: TaskFacts) => (status === 'skipped' ? cause === null : outcome === 'whole'),
  asking: ({ status, setback }: TaskFacts) => status === 'ready' || setback === 'attempt_failed',
  lost: ({ setback }: TaskFacts) => setback === 'lease_lost',
} satisfies Record<string, (task: TaskFacts) => boolean>;

type Trait = keyof typeof TRAITS;
const NAMES = Object.keys(TRAITS) as Trait[];

/** How many tasks of a session are how far. A change of one costs the same in a session of any size. */
export class TaskCounts {
  readonly #traits = new Map<number, readonly Trait[]>();
  readonly #counts = new Map<Trait, number>();

  /** Counts tasks once. */
  static of(tasks: Iterable<TaskFacts>): TaskCounts {
    const counts = new TaskCounts();
    let number = 0;
    for (const task of tasks) counts.put(++number, task);
    return counts;
  }

  /** Counts a task, instead of what was counted of it before. */
  put(number: number, task: TaskFacts): void {
    const traits = NAMES.filter((name) => TRAITS[name](task));
    for (const trait of this.#traits.get(number) ?? []) this.#add(trait, -1);
    for (const trait of traits) this.#add(trait, 1);
    this.#traits.set(number, traits);
  }

  has(trait: Trait): boolean {
    return this.#of(trait) > 0;
  }

  /** Whether it is true of all tasks. */
  are(trait: Trait): boolean {
    return this.#of(trait) === this.#of('all');
  }

  #of(trait: Trait): number {
    return this.#counts.get(trait) ?? 0;
  }

  #add(trait: Trait, by: number): void {
    this.#counts.set(trait, this.#of(trait) + by);
  }
}
