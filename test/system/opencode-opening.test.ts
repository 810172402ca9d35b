import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { isRunning } from '../../runner/process/processes.ts';
import { eventually } from '../support/eventually.ts';
import { gitIn } from '../support/git-in.ts';
import { makeAssignment, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile();
const pidFile = () => join(fixture.path, 'pid');
const run = (...args: string[]) => gitIn(fixture.project, ...args);

afterEach(() => {
  rmSync(pidFile(), { force: true });
  for (const section of ['filter.slow', 'remote.origin', 'protocol.ext'])
    try {
      run('config', '--remove-section', section);
    } catch {
      // This test did not have it.
    }
});

/** A program that writes its id into the file and hangs. */
function hanging(): string {
  const path = join(fixture.path, 'hang');
  writeFileSync(path, `#!/bin/sh\ntrap "" TERM\necho $$ > ${pidFile()}\nsleep 3000\n`, { mode: 0o755 });
  return path;
}

/** How a worktree hangs while it is opened: what the lease is to start from. */
const HANGS: Record<string, () => string> = {
  'a filter, in a session of its own,': () => {
    writeFileSync(join(fixture.project, '.gitattributes'), '*.bin filter=slow\n');
    writeFileSync(join(fixture.project, 'large.bin'), 'x');
    run('add', '-A');
    run('commit', '-qm', 'filtered', '--allow-empty');
    run('config', 'filter.slow.smudge', `setsid ${hanging()}`);
    return run('rev-parse', 'HEAD');
  },
  'a fetch': () => {
    run('config', 'protocol.ext.allow', 'always');
    run('remote', 'add', 'origin', `ext::${hanging()}`);
    return 'f'.repeat(40);
  },
};
const situations = Object.keys(HANGS).flatMap((name) => [
  [name, 'stop'] as const,
  [name, 'pause'] as const,
  [name, 'cancel'] as const,
]);

test.for(situations)('%s that hangs while a worktree is opened ends with a %s', async ([name, action]) => {
  const base_commit = HANGS[name]!();
  const work = await fixture.start(makeAssignment({ repository: { base_commit } }));
  const pid = await eventually(() => {
    const written = Number(readFileSync(pidFile(), 'utf8'));
    expect(written).toBeGreaterThan(0);
    return written;
  });
  if (action === 'cancel') {
    await work.end();
    expect(work.frames.filter(({ type }) => type !== 'agent.note')).toEqual([]);
  } else {
    await work.work.command({ type: action, data: { within_ms: 600_000 } });
    expect(await work.frame('released')).toMatchObject({ reason: action === 'pause' ? 'paused' : 'stopped' });
  }
  expect(existsSync(work.worktree)).toBe(false);
  // A killed process ends a moment after its signal.
  await eventually(() => expect(isRunning(pid)).toBe(false));
});
