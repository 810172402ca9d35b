import { existsSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { isRunning } from '../../runner/process/processes.ts';
import { ToolProcesses } from '../../runner/work/tool-processes.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { eventually } from '../support/eventually.ts';
import { type WorkRig, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile();

/** A command that starts a process in a session of its own, which writes its id into a file. */
const background = (file: string) => `setsid sh -c 'echo $$ > ${file}; exec sleep 3000'`;

const pidIn = ({ worktree }: WorkRig, file: string): Promise<number> =>
  eventually(() => {
    const pid = Number(readFileSync(join(worktree, file), 'utf8'));
    expect(pid).toBeGreaterThan(0);
    return pid;
  });

/** Watches the lease's commands beside the work, so that the test can say what time it is. */
async function watching(work: WorkRig, reported: AgentFrameBody[]): Promise<ToolProcesses> {
  await eventually(() => readFileSync(join(work.worktree, 'README.md')));
  return new ToolProcesses({
    opencode: fixture.rig.client,
    worktree: work.worktree,
    mapping: { covers: () => true },
    report: (frame) => reported.push(frame),
    log: () => undefined,
  });
}

test('a process that a command left in the background ends with its lease, and not with another', async () => {
  const [ending, staying] = [await fixture.start(), await fixture.start()];
  for (const work of [ending, staying]) {
    await work.message(`run ${background('pid.txt')} > /dev/null 2>&1 &`);
    await work.frame('result');
  }
  const [pid, other] = [await pidIn(ending, 'pid.txt'), await pidIn(staying, 'pid.txt')];
  expect([isRunning(pid), isRunning(other)]).toEqual([true, true]);
  await ending.end();
  expect([isRunning(pid), isRunning(other)]).toEqual([false, true]);
});

test('each lease has a temporary directory of its own, which is gone when the lease has ended', async () => {
  const [ending, staying] = [await fixture.start(), await fixture.start()];
  const fill = 'mkdir -p "$TMPDIR/cache"; chmod 500 "$TMPDIR/cache"; echo "$TMPDIR" > where.txt';
  for (const work of [ending, staying]) {
    // The system may clean up a directory that nobody uses for days.
    await work.message(`run ${fill}\nrun rmdir "$TMPDIR/cache" "$TMPDIR"\nrun ${fill}`);
    expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  }
  const paths = [ending, staying].map(({ worktree }) => readFileSync(join(worktree, 'where.txt'), 'utf8').trim());
  expect(new Set(paths).size).toBe(2);
  expect(paths.map((path) => [dirname(path), statSync(path).mode & 0o777])).toEqual(Array(2).fill([tmpdir(), 0o700]));
  await ending.end();
  expect(paths.map((path) => existsSync(path))).toEqual([false, true]);
});

test('a command is reported with its exit code, and as ended when it was', async () => {
  const work = await fixture.start();
  await work.message('run true\nrun exit 3\nrun sleep 3000');
  await eventually(() => expect(work.of('tool').filter(({ state }) => state === 'running')).toHaveLength(3));
  work.work.end('stopped', 'stopped as requested', 0);
  await work.frame('released');
  const completed = work.of('tool').filter(({ state }) => state === 'completed' || state === 'error');
  expect(completed.map(({ exit_code }) => exit_code)).toEqual([0, 3, null]);
});

test('the last checkpoint of a stopped lease is taken when no process changes its files any more', async () => {
  const work = await fixture.start();
  await work.message(`run ${background('pid.txt')} > /dev/null 2>&1 &\nrun echo 1 > one.txt; sleep 3000`);
  const pid = await pidIn(work, 'pid.txt');
  await eventually(() => readFileSync(join(work.worktree, 'one.txt')));
  let wasRunning: boolean | null = null;
  const { report } = { report: work.frames.push.bind(work.frames) };
  work.frames.push = (...frames) => {
    if (frames.some(({ type }) => type === 'checkpoint')) wasRunning = isRunning(pid);
    return report(...frames);
  };
  work.work.end('stopped', 'stopped as requested', 60_000);
  work.work.end('stopped', 'cancelled', 0);
  await work.frame('released');
  expect(wasRunning).toBe(false);
  expect(
    work
      .of('checkpoint')
      .at(-1)
      ?.files.map(({ path }) => path),
  ).toEqual(['one.txt', 'pid.txt']);
});

test.for([
  ['ignores the signal', 'trap "" TERM; sleep 3000; sleep 3001'],
  ['starts another one at the signal', 'trap "sleep 3002" TERM; sleep 3000; sleep 3001'],
] as const)('a person ends one command, which %s, and the turn goes on', async ([_, command]) => {
  const work = await fixture.start();
  await work.message(`run ${background('server.txt')} > /dev/null 2>&1 &\nrun ${command}\nsay after it`);
  const server = await pidIn(work, 'server.txt');
  const running = await eventually(() => {
    const call = work
      .of('tool')
      .find(({ state, input }) => state === 'running' && /sleep 3001/.test(`${input?.command}`));
    expect(call).toBeDefined();
    return call!;
  });
  await eventually(async () => {
    await work.work.command({ type: 'end_tools', data: { call_id: running.call_id } });
    expect(work.of('agent.note').map(({ text }) => text)).toContainEqual(expect.stringMatching(/^Ended .*sleep 3001/));
  });
  expect(await work.frame('result')).toMatchObject({ status: 'completed', text: expect.stringContaining('after it') });
  expect(isRunning(server)).toBe(true);
});

test('the output of a command is reported while it runs, and its silence is noted', async () => {
  const work = await fixture.start();
  const reported: AgentFrameBody[] = [];
  const processes = await watching(work, reported);
  try {
    await work.message('run echo first; echo second; sleep 3000');
    expect(await work.frame('tool.output')).toMatchObject({ offset: 0, text: 'first\nsecond\n' });
    processes.noteSilent(Date.now() + 50_000);
    expect(reported).toEqual([]);
    processes.noteSilent(Date.now() + 120_000);
    processes.noteSilent(Date.now() + 121_000);
    expect(reported).toMatchObject([
      {
        type: 'agent.note',
        data: { text: expect.stringMatching(/sleep 3000.* with no output for (1 min 59 s|2 min)/) },
      },
    ]);
  } finally {
    await processes.endAll();
  }
});

test('a command whose background process holds its output is freed after its limit, and the log says why', async () => {
  const work = await fixture.start();
  const reported: AgentFrameBody[] = [];
  const processes = await watching(work, reported);
  try {
    await work.message(`run ${background('pid.txt')} & echo started`);
    const pid = await pidIn(work, 'pid.txt');
    await processes.freeOverdue(Date.now());
    expect(isRunning(pid)).toBe(true);
    await processes.freeOverdue(Date.now() + 200_000);
    expect(isRunning(pid)).toBe(false);
    expect(reported).toMatchObject([
      { type: 'agent.note', data: { text: expect.stringContaining('held its output') } },
    ]);
    expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  } finally {
    await processes.endAll();
  }
});
