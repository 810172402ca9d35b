import { findCycle } from '../../../src/domain/graph/cycle.ts';
import { LiveGraph } from '../../../src/domain/graph/live-graph.ts';
import type { TaskProgress } from '../../../src/domain/graph/parents.ts';
import { buildGraph, type GraphTask } from '../../../src/domain/graph/task-graph.ts';
import { percentile } from '../statistics.ts';
import { cpuMs } from './cpu-time.ts';
import { randomTasks } from './random-graph.ts';

/** What the rules of the graph cost in memory, without a session. Times are of CPU. */
export interface RuleTimes {
  tasks: number;
  dependencies: number;
  build_ms: number;
  /** What is ready, found from the statuses of all tasks. */
  begin_ms: number;
  /** One more dependency, with the search for a cycle. */
  edit_ms: number;
  /** A task ends; what follows from it, and the next ready task. */
  completion_us: number;
  /** Null if Node was not started with --expose-gc. */
  mebibytes: number | null;
}

const EDITS = 50;
const WARM_UP = 3;
const ROUNDS = 5;
const NEW: TaskProgress = { status: 'pending', outcome: null, cause: null, setback: null, started_at: null };

/** @returns the median of each figure over rounds, the first of which are left out */
export function measureRules(count: number): RuleTimes {
  const tasks = randomTasks(count, count);
  const rounds = Array.from({ length: WARM_UP + ROUNDS }, () => measureOnce(tasks)).slice(WARM_UP);
  const median = (of: (round: RuleTimes) => number) => percentile(rounds.map(of), 0.5);
  return {
    ...rounds[0]!,
    build_ms: median(({ build_ms }) => build_ms),
    begin_ms: median(({ begin_ms }) => begin_ms),
    edit_ms: median(({ edit_ms }) => edit_ms),
    completion_us: median(({ completion_us }) => completion_us),
    mebibytes: globalThis.gc ? median(({ mebibytes }) => mebibytes!) : null,
  };
}

function measureOnce(tasks: readonly GraphTask[]): RuleTimes {
  const before = usedMebibytes();
  const { ms: build_ms, value: graph } = cpuMs(() => buildGraph(tasks));
  const after = usedMebibytes();
  const rows = new Map(tasks.map(({ number }) => [number, NEW]));
  const { ms: begin_ms, value: live } = cpuMs(() => new LiveGraph(graph, (task) => rows.get(task)!));
  const { ms: ended } = cpuMs(() => completeAll(live, rows));
  const { ms: edited } = cpuMs(() => {
    for (let edit = 1; edit <= EDITS; edit++) {
      const task = tasks[Math.floor((edit * tasks.length) / (EDITS + 1))]!;
      const first = { task: 1, dependency_type: 'finish_to_start' as const, is_required: false };
      graph.put([{ ...task, depends_on: [...task.depends_on, first] }]);
      if (findCycle(graph, [task.number])) throw new Error('the first task waits for nothing');
    }
  });
  return {
    tasks: tasks.length,
    dependencies: tasks.reduce((sum, { depends_on }) => sum + depends_on.length, 0),
    build_ms,
    begin_ms,
    edit_ms: edited / EDITS,
    completion_us: (ended / tasks.length) * 1_000,
    mebibytes: before === null || after === null ? null : after - before,
  };
}

/** All tasks end, one after the other, in the order in which they get ready. */
function completeAll(live: LiveGraph, rows: Map<number, TaskProgress>): void {
  const set = (number: number, changes: Partial<TaskProgress>) => {
    const row = { ...rows.get(number)!, ...changes };
    rows.set(number, row);
    live.note(number, row);
  };
  for (let left = rows.size; left > 0; left--) {
    for (let move = live.next(true); move; move = live.next(true)) set(move.number, { status: move.status });
    const number = live.takeReady(() => true);
    if (number === null) throw new Error(`${left} tasks do not get ready`);
    set(number, { status: 'in_progress', started_at: 1 });
    set(number, { status: 'completed', outcome: 'whole' });
  }
}

function usedMebibytes(): number | null {
  if (!globalThis.gc) return null;
  globalThis.gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
