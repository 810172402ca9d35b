import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { type BuiltWorker, startBuiltWorker } from '../built/support/built-worker.ts';
import { eventually } from '../support/eventually.ts';

/** Debian's `python3`; `.ci/run` installs it. */
const PYTHON = 'python3';

let worker: BuiltWorker;
/** The agent's name belongs to the secret that is in this folder. */
let folder: string;
let agent: ChildProcess;
beforeAll(async () => {
  worker = await startBuiltWorker();
  folder = mkdtempSync(join(tmpdir(), 'oio-python-'));
});
afterAll(async () => {
  await worker.stop();
  rmSync(folder, { recursive: true });
});

const client = () => createClient({ baseUrl: worker.url, token: worker.token });

async function start(): Promise<void> {
  const { token } = await client().tokens.create({ name: 'python', role: 'agent' });
  const env = { ...process.env, OIO_URL: worker.url, OIO_TOKEN: token };
  agent = spawn(PYTHON, [resolve('docs/clients/agent.py')], { cwd: folder, env, stdio: 'inherit' });
}

async function end(): Promise<void> {
  const exited = once(agent, 'exit');
  // It fails if the agent has ended by itself.
  expect(agent.kill('SIGKILL')).toBe(true);
  await exited;
}

beforeEach(start);
afterEach(end);

async function startedSession(prompt: string): Promise<string> {
  const { id } = await client().sessions.create({ title: 'A session', initial_prompt: prompt });
  await client().sessions.act(id, 'start');
  return id;
}

const ended = (id: string) =>
  eventually(async () => expect(await client().sessions.get(id)).toMatchObject({ status: 'completed' }));

it('the agent in plain Python completes sessions', async () => {
  const [one, two] = [await startedSession('hello'), await startedSession('world')];
  await Promise.all([ended(one), ended(two)]);
  expect(await client().sessions.get(one)).toMatchObject({ result: { text: 'HELLO' } });
  expect(await client().sessions.get(two)).toMatchObject({ result: { text: 'WORLD' } });
  expect(statSync(join(folder, 'agent.secret')).mode & 0o777).toBe(0o600);
});

it('the agent in plain Python keeps its id when it is killed and started again', async () => {
  await ended(await startedSession('one'));
  const [before] = (await client().agents.list()).filter(({ name }) => name === 'AGENT-PYTHON');
  await end();
  await start();
  await ended(await startedSession('two'));
  const after = (await client().agents.list()).filter(({ name }) => name === 'AGENT-PYTHON');
  expect(after.map(({ id }) => id)).toEqual([before!.id]);
});
