import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isRunning } from '../../runner/process/processes.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import { eventually } from '../support/eventually.ts';
import {
  artifactsOf,
  makeAssignment,
  nextAssignment,
  type WorkRig,
  withCalls,
  workFixtureOfFile,
} from './support/work-rig.ts';

const fixture = workFixtureOfFile();

const withChecks = (...commands: string[]): Assignment =>
  makeAssignment({ checks: commands.map((command) => ({ command, timeout_seconds: 60 })), check_round: 1 });

const outcomes = (work: WorkRig) => work.of('check.ended').map(({ round, outcome }) => [round, outcome]);
const files = (work: WorkRig) =>
  work
    .of('checkpoint')
    .at(-1)!
    .files.map(({ path }) => path);

test('checks run in the worktree with the environment of tools, after the turn, and a prompt after failed ones runs them again', async () => {
  const work = await fixture.start(withChecks('echo "in $OIO_WORKTREE, $OPENCODE_SERVER_PASSWORD"; test -f fixed.txt'));
  await work.message('write first.txt: one');
  expect(await work.frame('result')).toMatchObject({ status: 'failed', error: { code: 'checks_failed' } });
  expect(work.of('check.ended')[0]!.output).toBe(`in ${work.worktree},`);
  expect(work.frames.findIndex(({ type }) => type === 'check.started')).toBeGreaterThan(
    work.frames.findIndex(({ type }) => type === 'checkpoint'),
  );
  await work.message('write fixed.txt: two');
  expect(await work.frame('result', 2)).toMatchObject({ status: 'completed', messages_done: 2, error: null });
  expect(outcomes(work)).toEqual([
    [1, 'failed'],
    [2, 'passed'],
  ]);
});

test('what a check changes is in the checkpoint before the result, and counts as no work of the model', async () => {
  const work = await fixture.start(withChecks('echo formatted > formatted.txt'));
  await work.message('write first.txt: one');
  expect(await work.frame('result')).toMatchObject({ status: 'completed', files_changed: 2 });
  expect(files(work)).toEqual(['first.txt', 'formatted.txt']);
  // A round that changes nothing takes no checkpoint of its own.
  await work.message('say nothing to do');
  await work.frame('result', 2);
  expect(work.of('checkpoint')).toHaveLength(3);
});

test('a message interrupts a running check, and all checks run after its turn', async () => {
  const work = await fixture.start(withChecks('test -f second.txt || { echo $$ > self.pid; exec sleep 3000; }'));
  await work.message('write first.txt: one');
  const pid = await eventually(() => {
    const found = Number(readFileSync(join(work.worktree, 'self.pid'), 'utf8'));
    expect(found).toBeGreaterThan(0);
    return found;
  });
  await work.message('write second.txt: two', 'steer');
  expect(await work.frame('result')).toMatchObject({ status: 'completed', messages_done: 2 });
  expect(isRunning(pid)).toBe(false);
  expect(outcomes(work)).toEqual([
    [1, 'interrupted'],
    [2, 'passed'],
  ]);
});

test('a pause interrupts a running check, and the next lease runs the checks again without a prompt', async () => {
  const assignment = withChecks('test ! -f ../go && touch ../go && exec sleep 3000; rm ../go; test -f first.txt');
  const first = await fixture.start(assignment);
  await first.message('write first.txt: one');
  await eventually(() => expect(existsSync(join(first.worktree, '..', 'go'))).toBe(true));
  first.work.end('paused', 'paused as requested', 60_000);
  await first.frame('released');
  expect(outcomes(first)).toEqual([[1, 'interrupted']]);
  expect(first.of('result')).toEqual([]);
  await first.end();

  const next = { ...nextAssignment(assignment, first.frames), messages_last: 1, check_round: 2 };
  const second = await fixture.start(next, artifactsOf(first.frames));
  expect(await second.frame('result')).toMatchObject({ status: 'completed', messages_done: 1 });
  expect(outcomes(second)).toEqual([[2, 'passed']]);
  expect(second.of('turn.started')).toEqual([]);
});

test('a silent session interrupts a running check, which runs again when the lease is still held', async () => {
  const work = await fixture.start(withChecks('test -f ../heard || { echo $$ > self.pid; exec sleep 3000; }'));
  await work.message('write first.txt: one');
  await eventually(() => expect(existsSync(join(work.worktree, 'self.pid'))).toBe(true));
  work.work.quiet();
  await eventually(() => expect(outcomes(work)).toEqual([[1, 'interrupted']]));
  writeFileSync(join(work.worktree, '..', 'heard'), '');
  work.work.alive();
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  expect(outcomes(work).at(-1)).toEqual([2, 'passed']);
});

test('checks of the session run before the first prompt of merged work, and the model is told which fail', async () => {
  const asked: string[] = [];
  const client = withCalls(fixture.rig.client, {
    prompt: (prompt) => {
      asked.push(prompt.text);
      return fixture.rig.client.prompt(prompt);
    },
  });
  const start_checks = [{ command: 'echo "do not fit" > made.txt; cat made.txt; exit 1', timeout_seconds: 60 }];
  const work = await fixture.start(makeAssignment({ checks: [], start_checks }), new Map(), { client });
  await work.message('say nothing to do');
  await work.message('say nothing more');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  expect(asked[0]).toContain('which these checks fail');
  expect(asked[0]).toContain('do not fit');
  expect(asked[0]!.endsWith('say nothing to do')).toBe(true);
  expect(asked[1]).toBe('say nothing more');
  expect(outcomes(work)).toEqual([[0, 'failed']]);
});

test('a check that removes its directory does no harm to what was saved before', async () => {
  const work = await fixture.start(withChecks('rm -rf "$PWD"'));
  await work.message('write first.txt: one');
  expect(await work.frame('result')).toMatchObject({ status: 'failed', error: { code: 'checkpoint_failed' } });
  expect(files(work)).toEqual(['first.txt']);
});
