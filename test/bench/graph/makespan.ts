import { timingOf } from '../../../src/domain/graph/critical-path.ts';
import { Heap } from '../../../src/domain/graph/heap.ts';
import { LiveGraph } from '../../../src/domain/graph/live-graph.ts';
import type { TaskProgress } from '../../../src/domain/graph/parents.ts';
import { predict } from '../../../src/domain/graph/schedule.ts';
import { buildGraph, type RemainingHours, type TaskGraph } from '../../../src/domain/graph/task-graph.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { randomTasks } from './random-graph.ts';

/** How long graphs take with so many agents, as multiples of a lower bound; each is the mean over the graphs. */
export interface Makespans {
  graphs: number;
  /** The work that each agent has, as a multiple of the longest path. Far from 1, a graph is easy: one of them decides. */
  width: number;
  /** To the lower bound: the longest path, or the work that each agent has, whichever is more. */
  to_bound: number;
  /** The least and the most of one graph. */
  best_to_bound: number;
  worst_to_bound: number;
  /** The same, if tasks take other times than estimated. The bound is that of the real times. */
  surprised_to_bound: number;
  /** The same, if the task that got ready first goes first. */
  fifo_to_bound: number;
  /** How far the finish that was shown at the start is from the real one, as a share of it. */
  prediction_error: number;
}

export interface MeasuredMakespans {
  agents: number;
  all: Makespans;
  /** By the number of others for which a task waits in the mean. */
  by_density: { density: number; makespans: Makespans }[];
}

/** From wide graphs, in which agents are scarce, to narrow ones, in which most of them wait. */
const DENSITIES = [0.25, 0.5, 1, 2, 3];
const NEW: TaskProgress = { status: 'pending', outcome: null, cause: null, setback: null, started_at: null };
const FEWEST_TASKS = 20;
const MOST_TASKS = 200;
/** The real time of a task is its estimate times e to the power of this many standard deviations. */
const SPREAD = 0.4;

/** Simulates graphs whose tasks take as long as estimated, and once more with other times for the prediction. */
export function measureMakespans(graphs = 100, agents = 8): MeasuredMakespans {
  const all = Array.from({ length: graphs }, (_, index) => measureOne(index + 1, agents));
  const by_density = DENSITIES.map((density) => {
    return { density, makespans: meanOf(all.filter((one) => one.density === density)) };
  });
  return { agents, all: meanOf(all), by_density };
}

type Measured = ReturnType<typeof measureOne>;

function meanOf(all: readonly Measured[]): Makespans {
  const mean = (of: (one: Measured) => number) => all.reduce((sum, one) => sum + of(one), 0) / all.length;
  return {
    graphs: all.length,
    width: mean(({ width }) => width),
    to_bound: mean(({ toBound }) => toBound),
    best_to_bound: Math.min(...all.map(({ toBound }) => toBound)),
    worst_to_bound: Math.max(...all.map(({ toBound }) => toBound)),
    surprised_to_bound: mean(({ surprisedToBound }) => surprisedToBound),
    fifo_to_bound: mean(({ fifoToBound }) => fifoToBound),
    prediction_error: mean(({ error }) => error),
  };
}

function measureOne(seed: number, agents: number) {
  const random = seededRandom(seed);
  const density = DENSITIES[seed % DENSITIES.length]!;
  const count = FEWEST_TASKS + Math.floor(random() * (MOST_TASKS - FEWEST_TASKS + 1));
  const tasks = randomTasks(count, seed, density);
  const graph = buildGraph(tasks);
  const actual = new Map(tasks.map(({ number, hours }) => [number, hours * Math.exp(SPREAD * normal(random))]));
  const estimated = (task: number) => graph.tasks.get(task)!.hours;
  const really = (task: number) => actual.get(task)!;
  const { bound, width } = boundOf(graph, agents, estimated);

  const spans = predict(graph, { agents, remaining: estimated, isUnderWay: () => false });
  const shown = Math.max(...[...spans.values()].map(({ end }) => end));
  const real = finish(graph, agents, really, 'slack');
  return {
    density,
    width,
    toBound: finish(graph, agents, estimated, 'slack') / bound,
    surprisedToBound: real / boundOf(graph, agents, really).bound,
    fifoToBound: finish(graph, agents, estimated, 'fifo') / bound,
    error: Math.abs(shown - real) / real,
  };
}

function boundOf(graph: TaskGraph, agents: number, hoursOf: RemainingHours): { bound: number; width: number } {
  const share = [...graph.tasks.keys()].reduce((sum, task) => sum + hoursOf(task), 0) / agents;
  const { total } = timingOf(graph, hoursOf);
  return { bound: Math.max(total, share), width: share / total };
}

/** When the last task ends, if each free agent gets a task at once. In hours. */
function finish(graph: TaskGraph, agents: number, hoursOf: RemainingHours, order: 'slack' | 'fifo'): number {
  const rows = new Map([...graph.tasks.keys()].map((number) => [number, NEW]));
  const live = new LiveGraph(graph, (task) => rows.get(task)!);
  const set = (number: number, changes: Partial<TaskProgress>) => {
    const row = { ...rows.get(number)!, ...changes };
    rows.set(number, row);
    live.note(number, row);
  };
  const arrived: number[] = [];
  const working = new Heap<{ task: number; at: number }>((a, b) => a.at < b.at);
  for (let now = 0; ; ) {
    for (let move = live.next(true); move; move = live.next(true)) {
      set(move.number, { status: move.status });
      arrived.push(move.number);
    }
    while (working.size < agents) {
      const task = order === 'fifo' ? arrived.shift() : live.takeReady(() => true);
      if (task === undefined || task === null) break;
      set(task, { status: 'in_progress', started_at: now });
      working.push({ task, at: now + hoursOf(task) });
    }
    const next = working.pop();
    if (!next) return now;
    now = next.at;
    set(next.task, { status: 'completed', outcome: 'whole' });
  }
}

/** A normally distributed number (Box and Muller, 1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
