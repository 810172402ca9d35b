import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { createClient } from '../../src/client/client.ts';
import type { Readiness } from '../../src/protocol/answers.ts';
import { descendantsOf, Launcher, type LauncherOptions, lives, noDatabase } from './support/launcher.ts';

const scratch = mkdtempSync(join(tmpdir(), 'oio-launcher-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let count = 0;
let dataDirectory: string;
const launchers: Launcher[] = [];
beforeEach(() => {
  count += 1;
  dataDirectory = join(scratch, String(count), 'data');
});
afterEach(async () => {
  await Promise.all(launchers.splice(0).map((launcher) => launcher.end()));
});

function launch({ env, ...options }: Partial<LauncherOptions> = {}): Launcher {
  const launcher = new Launcher({ dataDirectory, env: { ...noDatabase, ...env }, ...options });
  launchers.push(launcher);
  return launcher;
}

const modeOf = (name: string) => statSync(join(dataDirectory, name)).mode & 0o777;
const slowly = { timeout: 60_000, interval: 100 };

/** Something that the control plane acknowledged: tokens, by name. */
async function makeTokens(launcher: Launcher, names: string[]): Promise<void> {
  const { url, token } = launcher.server();
  const { tokens } = createClient({ baseUrl: url, token });
  for (const name of names) await tokens.create({ name, role: 'viewer' });
}

async function tokenNames(launcher: Launcher): Promise<string[]> {
  const { url, token } = launcher.server();
  const list = await createClient({ baseUrl: url, token }).tokens.list();
  return list.map(({ name }) => name).sort();
}

describe('a start', () => {
  it('prints one ready line whose URL answers, and keeps its secrets to its owner', async () => {
    const launcher = launch();
    const url = await launcher.ready();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await launcher.printed(new RegExp(`^open\\s+${url}/#code=\\S+$`, 'm'));
    expect(launcher.output.match(/^ready\b/gm)).toHaveLength(1);
    expect(modeOf('')).toBe(0o700);
    for (const name of ['admin-token', 'signing-keys', 'server.json', 'processes.json'])
      expect(modeOf(name)).toBe(0o600);
    const secrets = ['admin-token', 'signing-keys'].map((name) =>
      readFileSync(join(dataDirectory, name), 'utf8').trim(),
    );
    const configuration = readFileSync(join(dataDirectory, 'workerd', 'config.capnp'), 'utf8');
    for (const secret of secrets) expect(configuration + launcher.output).not.toContain(secret);
  });

  it('takes the token from the environment as the admin’s', async () => {
    const token = 'a token that was chosen by a person';
    const launcher = launch({ env: { OIO_TOKEN: token } });
    const url = await launcher.ready();
    const answer = await fetch(`${url}/api/v1/tokens`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
  });

  it('writes JSON lines to a log of each process', async () => {
    const launcher = launch();
    await launcher.ready();
    await launcher.printed(/^postgres\s+cannot be used yet/m);
    for (const name of ['worker', 'postgres']) {
      const lines = readFileSync(join(dataDirectory, 'logs', `${name}.log`), 'utf8')
        .trim()
        .split('\n');
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ process: name, level: expect.any(String) });
    }
  });
});

describe('a start that cannot be', () => {
  const refused = async (options: Partial<LauncherOptions>, sentence: string | RegExp) => {
    const launcher = launch(options);
    expect(await launcher.exited).toBe(exitCode.environment);
    expect(launcher.output).toMatch(sentence);
    expect(launcher.output).not.toMatch(/^\s+at /m);
  };

  it('on a data directory in use is refused, and the first one goes on', async () => {
    const first = launch();
    const url = await first.ready();
    await refused({}, `in use by process ${first.process.pid}, which serves ${url}`);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it('on a port that is taken names the variable to set', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await refused({ env: { PORT: String(port) } }, `Port ${port} is taken by another program. Set PORT`);
    other.close();
  });

  it('for a missing directory, one without git, and one without a commit says how to mend it', async () => {
    const plain = join(scratch, 'plain');
    const empty = join(scratch, 'empty');
    for (const path of [plain, empty]) mkdirSync(path);
    execFileSync('git', ['-C', empty, 'init', '-q']);
    await refused({ args: ['up', '--dir', join(scratch, 'absent')] }, /There is no directory .*--dir/);
    await refused({ args: ['up', '--dir', plain] }, /is not a git repository.*git init.*--no-agent/);
    await refused({ args: ['up', '--dir', empty] }, /has no commit.*git commit/);
  });

  it('with a token that is too short says how long it must be', async () => {
    await refused({ env: { OIO_TOKEN: 'short' } }, 'at least 32');
  });
});

describe('a stop', () => {
  it.each([
    ['SIGTERM', (launcher: Launcher) => launcher.end('SIGTERM')],
    ['Ctrl-C', (launcher: Launcher) => launcher.pressCtrlC()],
  ])('by %s ends every process and exits with 0', async (_, stop) => {
    const launcher = launch();
    await launcher.ready();
    await launcher.printed(/^postgres\s+cannot be used yet/m);
    const processes = descendantsOf(launcher.process.pid);
    expect(processes.length).toBeGreaterThanOrEqual(4);
    expect(await stop(launcher)).toBe(0);
    expect(processes.filter(lives)).toEqual([]);
    expect(existsSync(join(dataDirectory, 'server.json'))).toBe(false);
  });

  it('that is asked for while it starts leaves nothing behind', async () => {
    const launcher = launch();
    await vi.waitFor(() => expect(launcher.pidOf('worker')).toEqual(expect.any(Number)), slowly);
    const processes = descendantsOf(launcher.process.pid);
    expect(await launcher.end()).toBe(0);
    expect(processes.filter(lives)).toEqual([]);
  });
});

describe('a SIGKILL', () => {
  const names = ['one', 'three', 'two'];

  it('of the launcher ends its processes, and a start on another port has all that was acknowledged', async () => {
    const first = launch();
    const firstUrl = await first.ready();
    await makeTokens(first, names);
    const processes = descendantsOf(first.process.pid);
    await first.end('SIGKILL');
    const second = launch();
    expect(await second.ready()).not.toBe(firstUrl);
    expect(processes.filter(lives)).toEqual([]);
    expect(await tokenNames(second)).toEqual(names);
  });

  it('of the launcher and its guards leaves orphans, which the next start ends before it opens anything', async () => {
    const first = launch();
    await first.ready();
    await makeTokens(first, names);
    const processes = descendantsOf(first.process.pid);
    const guards = processes.filter(({ parent }) => parent === first.process.pid);
    for (const { pid } of guards) process.kill(pid, 'SIGKILL');
    first.process.kill('SIGKILL');
    await vi.waitFor(() => expect(guards.filter(lives)).toEqual([]), slowly);
    const orphans = processes.filter(lives);
    expect(orphans.length).toBeGreaterThanOrEqual(1);
    const second = launch();
    await second.ready();
    expect(orphans.filter(lives)).toEqual([]);
    expect(await tokenNames(second)).toEqual(names);
  });

  it('of workerd is mended on the same port, with all that was acknowledged', async () => {
    const launcher = launch();
    await launcher.ready();
    await makeTokens(launcher, names);
    const killed = launcher.pidOf('worker') ?? 0;
    process.kill(killed, 'SIGKILL');
    await launcher.printed(/^worker\s+ended with code 137; starting again/m);
    await vi.waitFor(async () => expect(await tokenNames(launcher)).toEqual(names), slowly);
    expect(launcher.pidOf('worker')).not.toBe(killed);
  });

  it('of Postgres is mended while requests are answered', async () => {
    const launcher = launch({ env: { DATABASE_URL: '' } });
    const url = await launcher.ready();
    const postgresState = async () => {
      const answer = await fetch(`${url}/ready`);
      const { dependencies } = (await answer.json()) as Readiness;
      return [answer.status, dependencies.find(({ name }) => name === 'postgres')?.status];
    };
    await vi.waitFor(async () => expect(await postgresState()).toEqual([200, 'ok']), slowly);
    process.kill(launcher.pidOf('postgres') ?? 0, 'SIGKILL');
    await launcher.printed(/^postgres\s+ended with code 137; starting again/m);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await vi.waitFor(async () => expect(await postgresState()).toEqual([200, 'ok']), slowly);
  });
});
