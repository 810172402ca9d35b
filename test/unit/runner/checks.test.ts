import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning } from '../../../runner/process/processes.ts';
import { redaction } from '../../../runner/redaction.ts';
import { Checks, runCheck } from '../../../runner/work/checks.ts';
import { MAX_CHECK_OUTPUT_CHARS } from '../../../src/protocol/common/limits.ts';
import { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { CheckEnd } from '../../../src/protocol/session/checks.ts';
import { eventually } from '../../support/eventually.ts';

let directory: string;
const environment = { PATH: process.env.PATH ?? '' };

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'oio-checks-')), 'worktree');
  mkdirSync(directory);
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

const run = (command: string, timeout_seconds = 60, signal = new AbortController().signal): Promise<CheckEnd> =>
  runCheck({ command, timeout_seconds }, directory, environment, signal);

/** The process id that a command has written. */
const pidIn = (name: string) => Number(readFileSync(join(directory, name), 'utf8'));

describe('a check', () => {
  it('passes if its command succeeds, and else fails with its exit code and what it printed', async () => {
    expect(await run('echo out; echo err >&2')).toMatchObject({ outcome: 'passed', exit_code: 0 });
    const end = await run('echo out; exit 3');
    expect(end).toMatchObject({ outcome: 'failed', exit_code: 3, output: 'out' });
  });

  it('that a signal ends has the exit code of a shell', async () => {
    expect(await run('kill -KILL $$')).toMatchObject({ outcome: 'failed', exit_code: 137 });
  });

  it('that never ends is ended at its limit, with all that it has started', async () => {
    const daemon =
      "setsid sh -c 'echo $$ > daemon; exec sleep 3000' & echo begun; trap '' TERM; echo $$ > self; sleep 3000";
    expect(await run(daemon, 1)).toMatchObject({ outcome: 'timed_out', exit_code: null, output: 'begun' });
    for (const name of ['daemon', 'self']) expect(isRunning(pidIn(name))).toBe(false);
  });

  it('is interrupted by its signal', async () => {
    const stop = new AbortController();
    const running = run('echo $$ > self; exec sleep 3000', 60, stop.signal);
    await eventually(() => expect(pidIn('self')).toBeGreaterThan(0));
    stop.abort();
    expect(await running).toMatchObject({ outcome: 'interrupted', exit_code: null });
    expect(isRunning(pidIn('self'))).toBe(false);
  });

  it('does not wait for a daemon that holds its output, and ends it', async () => {
    const command =
      "setsid sh -c 'echo $$ > daemon; exec sleep 3000' & until [ -s daemon ]; do sleep 0.05; done; echo done";
    expect(await run(command)).toMatchObject({ outcome: 'passed', output: 'done' });
    expect(isRunning(pidIn('daemon'))).toBe(false);
  });

  it('with an output of any length keeps its beginning and its end, in whole lines', async () => {
    const { output, outcome } = await run(
      'echo first; head -c 99999900 /dev/zero | tr "\\0" x | fold -w 99 | head -n 999999; echo last',
    );
    expect(outcome).toBe('passed');
    expect(output.length).toBeLessThanOrEqual(MAX_CHECK_OUTPUT_CHARS);
    expect(output).toMatch(/\n\[\d+(,\d{3})+ characters left out\]\n/);
    const lines = output.split('\n').filter((line) => !line.startsWith('['));
    expect([lines[0], lines.at(-1)]).toEqual(['first', 'last']);
    expect(new Set(lines.slice(1, -1).map(({ length }) => length))).toEqual(new Set([99]));
  });

  it('with one endless line as its output shows none of it, because a secret may be cut in two', async () => {
    const { output } = await run('head -c 100000 /dev/zero | tr "\\0" x');
    expect(output).toBe('[100,000 characters left out]');
  });

  it('shows bytes that are no text as such, without colours and control characters', async () => {
    const { output } = await run(`printf '\\033[31mred\\033[0m \\001\\000\\377\\n10%%\\r100%%\\n'`);
    expect(output).toBe('red \uFFFD\uFFFD\uFFFD\n100%');
  });

  it('has no input', async () => {
    expect(await run('read line; echo "got $? $line"')).toMatchObject({ outcome: 'passed', output: 'got 1' });
  });

  it('that removes its directory ends, and the next one cannot start', async () => {
    expect(await run('rm -rf "$PWD"; echo gone')).toMatchObject({ outcome: 'passed', output: 'gone' });
    expect(existsSync(directory)).toBe(false);
    expect(await run('true')).toMatchObject({ outcome: 'not_started', exit_code: null });
  });
});

describe('a round of checks', () => {
  function checksOf(...commands: string[]) {
    const frames: AgentFrameBody[] = [];
    const checks = new Checks({
      assignment: { checks: commands.map((command) => ({ command, timeout_seconds: 60 })), check_round: 3 },
      toolEnvironment: () => environment,
      report: (frame) => frames.push(AgentFrameBody().parse(frame)),
    });
    return { checks, frames };
  }

  it('runs all of them, also after one that fails, and numbers the rounds on', async () => {
    const { checks, frames } = checksOf('exit 1', 'true');
    expect(await checks.run(directory)).toEqual({ type: 'failed', commands: ['exit 1'] });
    await checks.run(directory);
    const ends = frames.flatMap((frame) => (frame.type === 'check.ended' ? [frame.data] : []));
    expect(ends.map(({ round, index, outcome }) => [round, index, outcome])).toEqual([
      [3, 0, 'failed'],
      [3, 1, 'passed'],
      [4, 0, 'failed'],
      [4, 1, 'passed'],
    ]);
  });

  it('that is interrupted begins no further one', async () => {
    const { checks, frames } = checksOf('echo $$ > self; exec sleep 3000', 'touch second');
    const running = checks.run(directory);
    await eventually(() => expect(pidIn('self')).toBeGreaterThan(0));
    checks.interrupt();
    expect(await running).toEqual({ type: 'interrupted' });
    expect(frames.map(({ type }) => type)).toEqual(['check.started', 'check.ended']);
    expect(existsSync(join(directory, 'second'))).toBe(false);
  });

  it('reports no secret that a check has printed', async () => {
    const { checks, frames } = checksOf('echo the key is hunter2-hunter2; exit 1');
    await checks.run(directory);
    const shown = JSON.stringify(frames.map(redaction(['hunter2-hunter2'])));
    expect(shown).toContain('hunt***********');
    expect(shown).not.toContain('hunter2-hunter2');
  });
});
