import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveGraph, type Move } from '../../../../src/domain/graph/live-graph.ts';
import { isDone, type TaskProgress } from '../../../../src/domain/graph/parents.ts';
import { buildGraph, type Dependency, delaysStart, type GraphTask } from '../../../../src/domain/graph/task-graph.ts';
import type { DependencyType, TaskStatus } from '../../../../src/protocol/common/enums.ts';
import { runs } from '../../../support/seeds.ts';
import { anyAcyclic, on, task } from './graph.arbitrary.ts';

const NEW: TaskProgress = { status: 'pending', outcome: null, cause: null, setback: null, started_at: null };
const FINAL: TaskStatus[] = ['completed', 'failed', 'cancelled', 'skipped'];

/** A graph with the rows of its tasks, which plays the part of the session. */
class Run {
  readonly tasks: GraphTask[];
  readonly rows: Map<number, TaskProgress>;
  live: LiveGraph;
  /** The moves that followed, in order. */
  readonly moves: Move[] = [];

  constructor(tasks: GraphTask[]) {
    this.tasks = tasks;
    this.rows = new Map(tasks.map(({ number }) => [number, NEW]));
    this.live = this.#load();
    this.advance();
  }

  #load(): LiveGraph {
    return new LiveGraph(buildGraph(this.tasks), (number) => this.rows.get(number)!);
  }

  /** As after an eviction. */
  reload(): void {
    this.live = this.#load();
    this.advance();
  }

  set(number: number, changes: Partial<TaskProgress>): void {
    this.rows.set(number, { ...this.rows.get(number)!, ...changes });
    this.live.note(number, this.rows.get(number)!);
  }

  advance(): void {
    for (let move = this.live.next(true); move; move = this.live.next(true)) {
      const { number, ...changes } = move;
      this.moves.push(move);
      this.set(number, changes);
    }
  }

  begin(number: number): void {
    this.set(number, { status: 'in_progress', started_at: 1 });
    this.advance();
  }

  finish(number: number, outcome: 'whole' | 'partial' = 'whole'): void {
    this.set(number, { status: this.live.mayEnd(number) ? 'completed' : 'in_progress', outcome });
    this.advance();
  }

  end(number: number, status: 'failed' | 'cancelled' | 'skipped'): void {
    this.set(number, { status });
    this.advance();
  }

  status(number: number): TaskStatus {
    return this.rows.get(number)!.status;
  }

  statuses(): TaskStatus[] {
    return this.tasks.map(({ number }) => this.status(number));
  }
}

describe('a task', () => {
  it('becomes ready when all that it waits for is done', () => {
    const run = new Run([task(1), task(2), task(3, { depends_on: [on(1), on(2)] })]);
    expect(run.statuses()).toEqual(['ready', 'ready', 'pending']);
    expect(run.live.waitsFor(3)).toEqual([1, 2]);
    run.begin(1);
    run.finish(1);
    expect(run.status(3)).toBe('pending');
    expect(run.live.waitsFor(3)).toEqual([2]);
    run.begin(2);
    run.finish(2, 'partial');
    expect(run.status(3)).toBe('ready');
  });

  it.each<[DependencyType, TaskStatus, TaskStatus, TaskStatus]>([
    // Before the other one begins, while it works, and when it is done: each time after this one could begin and finish.
    ['finish_to_start', 'pending', 'pending', 'completed'],
    ['start_to_start', 'pending', 'completed', 'completed'],
    ['finish_to_finish', 'in_progress', 'in_progress', 'completed'],
    ['start_to_finish', 'in_progress', 'completed', 'completed'],
  ])('that waits by %s is %s, then %s, then %s', (dependency_type, ...expected) => {
    const run = new Run([task(1), task(2, { depends_on: [on(1, { dependency_type })] })]);
    const tryTo = () => {
      if (run.status(2) !== 'ready') return;
      run.begin(2);
      run.finish(2);
    };
    const seen: TaskStatus[] = [];
    for (const step of [() => {}, () => run.begin(1), () => run.finish(1)]) {
      step();
      tryTo();
      seen.push(run.status(2));
    }
    expect(seen).toEqual(expected);
  });

  it('is skipped at once if one that it requires has failed, through any depth, and names that one', () => {
    const chain = Array.from({ length: 500 }, (_, index) =>
      task(index + 1, { depends_on: index === 0 ? [] : [on(index)] }),
    );
    const run = new Run(chain);
    run.begin(1);
    run.end(1, 'failed');
    expect(new Set(run.statuses().slice(1))).toEqual(new Set(['skipped']));
    expect(run.rows.get(500)!.cause).toBe(1);
  });

  it('goes on without one that it does not require, or that a person skipped', () => {
    const run = new Run([
      task(1),
      task(2, { depends_on: [on(1, { is_required: false })] }),
      task(3),
      task(4, { depends_on: [on(3)] }),
    ]);
    run.end(1, 'failed');
    run.end(3, 'skipped');
    expect([run.status(2), run.status(4)]).toEqual(['ready', 'ready']);
  });

  it('goes first by priority, and then by the length of the way that it opens', () => {
    const run = new Run([
      task(1, { hours: 1 }),
      task(2, { hours: 3 }),
      task(3, { hours: 1 }),
      task(4, { hours: 5, depends_on: [on(3)] }),
      task(5, { hours: 1, priority: 'high' }),
    ]);
    const order: number[] = [];
    for (let next = run.live.takeReady(() => true); next !== null; next = run.live.takeReady(() => true))
      order.push(next);
    expect(order).toEqual([5, 3, 2, 1]);
  });
});

describe('a task with subtasks', () => {
  const FAMILY = [task(1), task(2, { parent: 1 }), task(3, { parent: 1 }), task(4, { depends_on: [on(1)] })];

  it('follows them: it begins with the first and ends with the last', () => {
    const run = new Run(FAMILY);
    expect(run.status(1)).toBe('ready');
    run.begin(2);
    expect(run.status(1)).toBe('in_progress');
    run.finish(2);
    expect([run.status(1), run.status(4)]).toEqual(['in_progress', 'pending']);
    run.begin(3);
    run.finish(3, 'partial');
    expect(run.rows.get(1)).toMatchObject({ status: 'completed', outcome: 'partial' });
    expect(run.status(4)).toBe('ready');
  });

  it('fails with one of them, once the others have ended', () => {
    const run = new Run(FAMILY);
    run.begin(2);
    run.end(2, 'failed');
    expect([run.status(1), run.status(4)]).toEqual(['in_progress', 'pending']);
    run.begin(3);
    run.finish(3);
    expect([run.status(1), run.status(4)]).toEqual(['failed', 'skipped']);
    expect(run.rows.get(4)!.cause).toBe(1);
  });

  it('passes on what it waits for, and why it is skipped', () => {
    const run = new Run([task(1), task(2, { depends_on: [on(1)] }), task(3, { parent: 2 }), task(4, { parent: 3 })]);
    expect(run.statuses()).toEqual(['ready', 'pending', 'pending', 'pending']);
    expect(run.live.waitsFor(4)).toEqual([3]);
    run.end(1, 'cancelled');
    expect(run.statuses()).toEqual(['cancelled', 'skipped', 'skipped', 'skipped']);
    expect([2, 3, 4].map((number) => run.rows.get(number)!.cause)).toEqual([1, 1, 1]);
  });
});

// --- Any graph, in any order of events

type Step = { kind: 'begin' | 'finish' | 'partial' | 'fail' | 'lose' | 'cancel' | 'skip' | 'reload'; pick: number };
const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 6, arbitrary: fc.constant('begin' as const) },
      { weight: 5, arbitrary: fc.constant('finish' as const) },
      { weight: 4, arbitrary: fc.constantFrom('partial', 'fail', 'lose', 'cancel', 'skip', 'reload') },
    ),
    pick: fc.nat(),
  }),
  { maxLength: 40 },
);

function take(run: Run, { kind, pick }: Step): void {
  const leaves = run.tasks.map(({ number }) => number).filter((number) => !run.live.isParent(number));
  const among = (isIt: (row: TaskProgress) => boolean) => {
    const found = leaves.filter((number) => isIt(run.rows.get(number)!));
    return found[pick % Math.max(1, found.length)];
  };
  const working = among(({ status, outcome }) => status === 'in_progress' && outcome === null);
  const unfinished = among(({ status }) => !FINAL.includes(status));
  if (kind === 'reload') return run.reload();
  if (kind === 'begin') {
    const next = run.live.takeReady(() => true);
    if (next !== null) run.begin(next);
  } else if (kind === 'cancel' || kind === 'skip') {
    if (unfinished !== undefined) run.end(unfinished, kind === 'skip' ? 'skipped' : 'cancelled');
  } else if (working === undefined) return;
  else if (kind === 'fail') run.end(working, 'failed');
  else if (kind === 'lose') {
    run.set(working, { status: 'pending' });
    run.advance();
  } else run.finish(working, kind === 'partial' ? 'partial' : 'whole');
}

/** What holds after every step, from the tasks alone. */
function check(run: Run): void {
  const row = (number: number) => run.rows.get(number)!;
  const parentOf = (number: number) => run.tasks[number - 1]!.parent;
  const isOver = (number: number) => FINAL.includes(row(number).status);
  const mayStart = (number: number): boolean => {
    const { depends_on, parent } = run.tasks[number - 1]!;
    const early = depends_on.filter(({ dependency_type }) => delaysStart(dependency_type));
    return early.every(allows) && (parent === null || mayStart(parent));
  };
  const hasStarted = (number: number): boolean =>
    run.live.isParent(number) ? mayStart(number) : row(number).started_at !== null || isDone(row(number));
  const allows = ({ task: other, dependency_type, is_required }: Dependency): boolean =>
    (dependency_type.startsWith('finish') ? isDone(row(other)) : hasStarted(other) || isDone(row(other))) ||
    (!is_required && isOver(other));

  for (const { number, depends_on } of run.tasks) {
    const { status, outcome, cause } = row(number);
    if (run.live.isParent(number)) continue;
    if (status === 'ready' || status === 'in_progress') expect(mayStart(number), `${number} may start`).toBe(true);
    if (status === 'pending') expect(mayStart(number), `${number} may not start`).toBe(false);
    if (status === 'completed') expect(depends_on.every(allows), `${number} may end`).toBe(true);
    if (status === 'in_progress' && outcome !== null) expect(depends_on.every(allows)).toBe(false);
    if (cause !== null) expect(['failed', 'cancelled', 'skipped']).toContain(row(cause).status);
  }
  for (const { number } of run.tasks.filter(({ number }) => run.live.isParent(number))) {
    const parts = run.tasks.filter(({ parent }) => parent === number);
    const over = parts.every((part) => isOver(part.number));
    if (isOver(number)) expect(over, 'a parent ends after its parts').toBe(true);
    if (parentOf(number) === null && over && run.tasks[number - 1]!.depends_on.length === 0)
      expect(isOver(number), 'a parent ends with its parts').toBe(true);
  }
}

it('starts no task too early, keeps none that may start, and ends every task once, whatever happens in any order', () => {
  fc.assert(
    fc.property(anyAcyclic, anySteps, (tasks, steps) => {
      const run = new Run(tasks);
      const ended = new Map<number, TaskStatus>();
      const observe = () => {
        check(run);
        for (const [number, { status }] of run.rows) {
          if (ended.has(number)) expect(status, `${number} stays ended`).toBe(ended.get(number));
          else if (FINAL.includes(status)) ended.set(number, status);
        }
      };
      observe();
      for (const step of steps) {
        take(run, step);
        observe();
      }
      // Agents do the rest.
      for (let rounds = 0; ended.size < tasks.length; rounds++) {
        expect(rounds, 'none waits for ever').toBeLessThan(3 * tasks.length);
        const working = tasks.filter(({ number }) => {
          const { status, outcome } = run.rows.get(number)!;
          return status === 'in_progress' && outcome === null && !run.live.isParent(number);
        });
        for (const { number } of working) run.finish(number);
        run.reload();
        take(run, { kind: 'begin', pick: 0 });
        observe();
      }
    }),
    runs(1_000),
  );
});

it('says the same after an eviction as before it', () => {
  fc.assert(
    fc.property(anyAcyclic, anySteps, (tasks, steps) => {
      const once = new Run(tasks);
      const often = new Run(tasks);
      for (const step of steps.filter(({ kind }) => kind !== 'reload')) {
        take(once, step);
        often.reload();
        take(often, step);
        expect(often.statuses()).toEqual(once.statuses());
      }
    }),
    runs(300),
  );
});
