import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
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

const git = (...args: string[]) => execFileSync('git', ['-C', fixture.project, ...args], { stdio: 'pipe' });

/** Commits files of the project, by path. */
function commit(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(fixture.project, path)), { recursive: true });
    writeFileSync(join(fixture.project, path), text);
  }
  git('add', '-A');
  git('commit', '-qm', 'change', '--allow-empty');
}

function commitSetup(setup: object, files: Record<string, string> = {}): void {
  commit({ 'oio.json': JSON.stringify({ setup }), '.gitignore': '.env\n*.pid\nmade/\n', ...files });
}

afterEach(() => {
  rmSync(join(fixture.project, '.worktreeinclude'), { force: true });
  commit({ 'oio.json': '{}' });
});

const notes = (work: WorkRig) => work.of('agent.note').map(({ level, text }) => `${level}: ${text}`);
const errors = (work: WorkRig) => notes(work).filter((line) => line.startsWith('error'));

/** The outputs of the commands that the model ran. */
const outputs = (work: WorkRig) =>
  work.of('tool').flatMap(({ state, output }) => (state === 'completed' ? [output?.trim()] : []));

/** Work, and the texts that the model is asked with. */
async function startAsked(
  ...given: [Assignment?, Map<string, Uint8Array>?]
): Promise<{ work: WorkRig; asked: string[] }> {
  const asked: string[] = [];
  const client = withCalls(fixture.rig.client, {
    prompt: (prompt) => {
      asked.push(prompt.text);
      return fixture.rig.client.prompt(prompt);
    },
  });
  return { work: await fixture.start(given[0], given[1], { client }), asked };
}

const pidIn = ({ worktree }: WorkRig, file: string): Promise<number> =>
  eventually(() => {
    const pid = Number(readFileSync(join(worktree, file), 'utf8'));
    expect(pid).toBeGreaterThan(0);
    return pid;
  });

test('the files that .worktreeinclude names and the result of the set-up are there before the first prompt', async () => {
  commitSetup({ command: 'mkdir made && env > made/env && echo all set' });
  writeFileSync(join(fixture.project, '.worktreeinclude'), '.env\n');
  writeFileSync(join(fixture.project, '.env'), 'PORT=4711\n');
  const work = await fixture.start();
  await work.message('run cat .env\nrun cat made/env\nrun env');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  const [file, ofSetup = '', ofTool = ''] = outputs(work);
  expect(file).toBe('PORT=4711');
  const names = (text: string) =>
    text
      .split('\n')
      .map((line) => line.split('=')[0])
      .sort();
  expect(ofSetup).toContain(`OIO_WORKTREE=`);
  const ofOpenCode = ['AGENT', 'OPENCODE', 'OPENCODE_PID', 'OPENCODE_RUN_ID', 'OPENCODE_PROCESS_ROLE'];
  // By its own variable, what the set-up has started is found again.
  expect(names(ofSetup).filter((name) => name !== 'OIO_RUN')).toEqual(
    names(ofTool).filter((name) => !ofOpenCode.includes(name ?? '')),
  );
  const seen = notes(work).slice(1).join('\n');
  expect(seen).toContain('info: Copied from the clone, as .worktreeinclude says: .env.');
  expect(seen).toContain('info: Set-up runs "mkdir made && env > made/env && echo all set", for at most 600 s.');
  expect(seen).toMatch(/info: Set-up is done: .* exit code 0 after [\d.]+ s\. The end of its output:\nall set/);
  const order = work.frames.map(({ type }) => type);
  expect(order.lastIndexOf('agent.note')).toBeLessThan(order.indexOf('turn.started'));
  expect(work.of('checkpoint').at(-1)?.files).toEqual([]);
});

test('what a set-up changes in tracked files is named, and is no evidence that the model has done anything', async () => {
  commitSetup({ command: 'echo changed > README.md' });
  const silent = withCalls(fixture.rig.client, {
    messages: async (id) =>
      (await fixture.rig.client.messages(id)).map((message) => ({
        ...message,
        parts: message.info.role === 'user' ? message.parts : message.parts.filter(({ type }) => type !== 'text'),
      })),
  });
  const work = await fixture.start(undefined, undefined, { client: silent });
  await work.message('say hello');
  expect(await work.frame('result')).toMatchObject({ status: 'failed' });
  expect(work.warnings()[0]).toContain('so the diff has them: README.md.');
  expect(work.of('checkpoint').at(-1)?.files).toMatchObject([{ path: 'README.md' }]);
});

test('a set-up that fails is shown, and the model is told', async () => {
  commitSetup({ command: 'echo no such registry >&2; exit 7' });
  const { work, asked } = await startAsked();
  await work.message('say hello');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  expect(errors(work)).toEqual([expect.stringMatching(/Set-up failed.*exit code 7 after.*\nno such registry/s)]);
  expect(asked).toEqual([expect.stringMatching(/set-up of this worktree failed.*no such registry.*say hello/s)]);
});

test('a set-up that is not valid is shown, and the model is told', async () => {
  commitSetup({ command: 'true', cache: { paths: ['../other'], key_files: ['a'] } });
  const { work, asked } = await startAsked();
  await work.message('say hello');
  await work.frame('result');
  expect(errors(work)).toEqual([
    expect.stringContaining('oio.json is not valid: setup: cache: paths: 0: must be a path'),
  ]);
  expect(asked[0]).toContain('oio.json is not valid');
});

test('a set-up ends at its limit with all that it started', async () => {
  const command = "setsid sh -c 'echo $$ > a.pid; exec sleep 3000' & exec sleep 3001";
  commitSetup({ command, timeout_seconds: 2 });
  const work = await fixture.start();
  await work.message('say hello');
  await work.frame('result');
  expect(errors(work)).toEqual([expect.stringContaining('was ended at its limit of 2 s')]);
  expect(isRunning(await pidIn(work, 'a.pid'))).toBe(false);
});

test('a stop ends a running set-up, and no prompt is sent', async () => {
  commitSetup({ command: 'echo $$ > a.pid; exec sleep 3000' });
  const { work, asked } = await startAsked();
  await work.message('say hello');
  const pid = await pidIn(work, 'a.pid');
  work.work.end('stopped', 'stopped as requested', 60_000);
  expect(await work.frame('released')).toMatchObject({ reason: 'stopped' });
  expect(isRunning(pid)).toBe(false);
  expect([asked, errors(work), work.of('turn.started')]).toEqual([[], [], []]);
  expect(work.of('checkpoint')).toHaveLength(1);
});

test('a lease that is lost during its set-up leaves nothing', async () => {
  commitSetup({ command: "setsid sh -c 'echo $$ > a.pid; exec sleep 3000' & exec sleep 3001" });
  const work = await fixture.start();
  await work.message('say hello');
  const pid = await pidIn(work, 'a.pid');
  await work.end();
  expect([isRunning(pid), existsSync(work.worktree)]).toEqual([false, false]);
});

test('a lease that is lost while a filter reads what its set-up has made leaves nothing', async () => {
  const pidFile = join(fixture.path, 'filter.pid');
  git('config', 'filter.slow.clean', `sh -c 'echo $$ > ${pidFile}; exec sleep 3000'`);
  commitSetup({ command: 'echo made > a.bin' }, { '.gitattributes': '*.bin filter=slow\n' });
  try {
    const work = await fixture.start();
    await work.message('say hello');
    const pid = await eventually(() => {
      const written = Number(readFileSync(pidFile, 'utf8'));
      expect(written).toBeGreaterThan(0);
      return written;
    });
    await work.end();
    expect([isRunning(pid), existsSync(work.worktree)]).toEqual([false, false]);
  } finally {
    git('config', '--remove-section', 'filter.slow');
    rmSync(join(fixture.project, '.gitattributes'));
  }
});

test('a set-up that did not end is repeated in the kept worktree', async () => {
  commitSetup({ command: 'echo $$ > a.pid; [ -e made ] && exit; mkdir made; exec sleep 3000' });
  const cut = await fixture.start(makeAssignment(), new Map(), { saved: async () => null });
  await cut.message('say hello');
  await pidIn(cut, 'a.pid');
  await cut.work.command({ type: 'checkpoint', data: {} });
  await cut.frame('checkpoint');
  await cut.end();

  const next = await fixture.start(nextAssignment(cut.assignment, cut.frames), artifactsOf(cut.frames));
  await next.message('say hello');
  expect(await next.frame('result')).toMatchObject({ status: 'completed' });
  expect(notes(next)).toEqual([
    'info: The work continues in the worktree that this agent has kept.',
    expect.stringContaining('Set-up runs'),
    expect.stringContaining('Set-up is done'),
  ]);
});

test('a set-up that failed before a kill is told to the model of the next lease, and not repeated', async () => {
  commitSetup({ command: 'echo run >> made.pid; exit 7' });
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const client = withCalls(fixture.rig.client, { prompt: () => held });
  const cut = await fixture.start(makeAssignment(), new Map(), { client, saved: async () => null });
  await cut.message('say hello');
  await cut.frame('turn.started');
  await cut.work.command({ type: 'checkpoint', data: {} });
  await cut.frame('checkpoint');
  cut.work.cancel();
  release();
  await cut.end();

  const { work, asked } = await startAsked(nextAssignment(cut.assignment, cut.frames), artifactsOf(cut.frames));
  await work.message('run cat made.pid');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  expect(outputs(work)).toEqual(['run']);
  expect(asked[0]).toContain('The set-up of this worktree failed');
  expect(asked[0]).toContain('exit code 7');
});

test('what a set-up has started in a session of its own lives as long as the lease', async () => {
  commitSetup({
    command:
      "setsid sh -c 'echo $$ > a.pid; exec sleep 3000' > /dev/null 2>&1 & until [ -s a.pid ]; do sleep 0.1; done",
  });
  const work = await fixture.start();
  await work.message('say hello');
  await work.frame('result');
  const pid = await pidIn(work, 'a.pid');
  expect(isRunning(pid)).toBe(true);
  await work.end();
  expect(isRunning(pid)).toBe(false);
});

test('with the same key files, the result comes from the cache, and no session changes the copy of another', async () => {
  const command = 'mkdir -p made && date +%N > made/when && ln -s when made/link && chmod 640 made/when';
  commitSetup({ command, cache: { paths: ['made'], key_files: ['lock'] } }, { lock: '1' });
  const run = async (prompt: string) => {
    const work = await fixture.start();
    await work.message(prompt);
    await work.frame('result');
    return { when: outputs(work)[0], isCached: notes(work).some((line) => line.includes('from the agent’s cache')) };
  };
  const first = await run('run cat made/link; echo spoilt >> made/when');
  commit({ 'other.txt': 'x' });
  const second = await run('run cat made/link; echo spoilt >> made/when');
  expect([first.isCached, second]).toEqual([false, { when: first.when, isCached: true }]);
  expect(await run('run cat made/link')).toEqual(second);
  commit({ lock: '2' });
  const changed = await run('run cat made/link');
  expect([changed.isCached, changed.when === first.when]).toEqual([false, false]);
});

test('the command comes from the commit that the work starts from, and not from what a model has written', async () => {
  commitSetup({ command: 'echo honest' });
  const assignment = makeAssignment();
  const first = await fixture.start(assignment);
  await first.message('write oio.json: {"setup":{"command":"echo forged"}}');
  await first.frame('result');
  const next = await fixture.start(nextAssignment(assignment, first.frames), artifactsOf(first.frames));
  await next.message('run cat oio.json');
  await next.frame('result');
  expect(outputs(next)[0]).toContain('forged');
  expect(notes(next).join('\n')).toMatch(/Set-up is done.*\nhonest/);
});

test('the person of the agent can turn the set-up off, or choose another command', async () => {
  commitSetup({ command: 'echo of the repository' });
  const seen = await Promise.all(
    (['off', { command: 'echo mine' }] as const).map(async (setup) => {
      const work = await fixture.start(undefined, undefined, { setup });
      await work.message('say hello');
      await work.frame('result');
      return notes(work).slice(1).join('\n');
    }),
  );
  expect(seen).toEqual(['', expect.stringMatching(/Set-up runs "echo mine".*\n.*output:\nmine$/s)]);
});

test('hooks that git does not run in the worktree are noted', async () => {
  git('config', 'core.hooksPath', '.husky/_');
  try {
    commit({});
    const missing = await fixture.start();
    await missing.message('say hello');
    await missing.frame('result');
    expect(missing.warnings()).toEqual([expect.stringContaining('core.hooksPath is .husky/_')]);
    commit({ '.husky/_/pre-commit': '#!/bin/sh\n', '.husky/_/helper': '' });
    const unable = await fixture.start();
    await unable.message('say hello');
    await unable.frame('result');
    expect(unable.warnings()).toEqual([expect.stringContaining('not executable: pre-commit.')]);
  } finally {
    git('config', '--unset', 'core.hooksPath');
  }
});
