import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { result } from '../../unit/session/fake-agent.ts';
import { SessionInProcess, unwrap } from '../../unit/session/harness.ts';
import { CountingPlatform, type Writes } from '../counting-platform.ts';
import { percentile } from '../statistics.ts';
import { cpuMs } from './cpu-time.ts';
import { randomTasks } from './random-graph.ts';

/** What a graph costs its session's object, on SQLite in memory. Times are of CPU. */
export interface SessionTimes {
  tasks: number;
  /** All tasks in one request. */
  create_ms: number;
  create_rows: number;
  /** Bytes of the longest row of events. */
  longest_row: number;
  /** The result of an agent, until what follows from it is stored: the median. */
  completion_ms: number;
  /** For one completion. */
  rows: number;
  statements: number;
}

const COMPLETIONS = 60;
const WARM_UP = 20;

/** The rounds in which sessions of each size are measured, one after the other. */
const ROUNDS = 3;

/**
 * Measures sessions with so many tasks in turns, so that each size meets the same machine and the same compiled code.
 * @returns the median round of each size, by its completions
 */
export async function measureSessions(sizes: readonly number[]): Promise<SessionTimes[]> {
  for (let round = 0; round < ROUNDS; round++) await measureSession(Math.min(...sizes));
  const measured: SessionTimes[] = [];
  for (let round = 0; round < ROUNDS; round++) for (const size of sizes) measured.push(await measureSession(size));
  return sizes.map((size) => {
    const rounds = measured.filter(({ tasks }) => tasks === size);
    return rounds.sort((a, b) => a.completion_ms - b.completion_ms)[Math.floor(ROUNDS / 2)]!;
  });
}

async function measureSession(count: number): Promise<SessionTimes> {
  const platform = new CountingPlatform();
  const session = new SessionInProcess({ platform });
  await session.create({ max_parallel: 4 });
  const request = CreateGraphRequest().parse({
    tasks: randomTasks(count, count).map(({ number, hours, depends_on }) => ({
      name: `${number}`,
      title: `Task ${number}`,
      description: `Do part ${number}`,
      estimate: { optimistic_hours: hours / 2, likely_hours: hours, pessimistic_hours: 2 * hours },
      depends_on: depends_on.map(({ task }) => `${task}`),
    })),
  });
  const before = platform.writes.rows;
  const { ms: create_ms, value } = cpuMs(() => session.runtime.createTasks(session.call(), request));
  unwrap(await value);
  const create_rows = platform.writes.rows - before;
  await session.act('start');
  const completed = await complete(session, platform);
  const [longest] = platform.exec('SELECT MAX(LENGTH(events)) AS bytes FROM event_batches', []);
  platform.close();
  return { tasks: count, create_ms, create_rows, longest_row: Number(longest?.bytes), ...completed };
}

/** Agents begin with tasks and finish them. Only the results count. */
async function complete(session: SessionInProcess, platform: CountingPlatform) {
  const ready = () => session.runtime.parts.records.tasks().find((row) => row.reserved_at !== null)!.number;
  const times: { ms: number; writes: Writes }[] = [];
  for (let each = 0; each < WARM_UP + COMPLETIONS; each++) {
    const agent = session.agentOf(ready()).connect();
    await session.settle();
    const before = platform.writes;
    const { ms } = cpuMs(() => agent.send(result(99, { text: 'Done.' })));
    const after = platform.writes;
    const writes = { ...after, rows: after.rows - before.rows, statements: after.statements - before.statements };
    if (each >= WARM_UP) times.push({ ms, writes });
    await session.settle();
  }
  const mean = (of: (time: (typeof times)[number]) => number) =>
    times.reduce((sum, time) => sum + of(time), 0) / times.length;
  return {
    completion_ms: percentile(
      times.map(({ ms }) => ms),
      0.5,
    ),
    rows: mean(({ writes }) => writes.rows),
    statements: mean(({ writes }) => writes.statements),
  };
}
