import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { eventually } from '../support/eventually.ts';
import { expectCleanEnd, expectTokens, makeTokens } from './support/control-plane-data.ts';
import { NO_POSTGRES } from './support/fleet.ts';
import { descendantsOf, Launcher, type LauncherOptions, lives } from './support/launcher.ts';

const scratch = mkdtempSync(join(tmpdir(), 'oio-launcher-'));
const launchers: Launcher[] = [];
afterAll(async () => {
  await Promise.all(launchers.map((launcher) => launcher.end()));
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts the command line on the data directory of that name, without a database unless the options give one. */
function launch(name: string, { env, ...options }: Partial<LauncherOptions> = {}): Launcher {
  const launcher = new Launcher({ dataDirectory: join(scratch, name), env: { ...NO_POSTGRES, ...env }, ...options });
  launchers.push(launcher);
  return launcher;
}

const refused = async (name: string, options: Partial<LauncherOptions>, sentence: string | RegExp) => {
  const launcher = launch(name, options);
  expect(await launcher.exited).toBe(exitCode.environment);
  expect(launcher.output).toMatch(sentence);
  expect(launcher.output).not.toMatch(/^\s+at /m);
};

describe('a launcher that is killed', () => {
  const token = 'a token that was chosen by a person';
  let current: Launcher;
  const start = async () => {
    current = launch('killed', { env: { OIO_TOKEN: token } });
    return current.ready();
  };
  beforeAll(start);

  it('used the token from the environment as the admin token', async () => {
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${current.server().url}/api/v1/tokens`, { headers })).status).toBe(200);
  });

  it('takes its processes along, and a start on another port has everything that was acknowledged', async () => {
    await makeTokens(current);
    const { url } = current.server();
    const processes = descendantsOf(current.process.pid);
    await current.end('SIGKILL');
    expect(await start()).not.toBe(url);
    await eventually(() => expect(processes.filter(lives)).toEqual([]));
    await expectTokens(current);
  });

  it('together with its guards leaves orphans, which the next start ends before it opens any file', async () => {
    const processes = descendantsOf(current.process.pid);
    const guards = processes.filter(({ parent }) => parent === current.process.pid);
    // One that still ran would end the processes of a guard that dies before it.
    current.process.kill('SIGSTOP');
    for (const { pid } of guards) process.kill(pid, 'SIGKILL');
    current.process.kill('SIGKILL');
    await eventually(() => expect(guards.filter(lives)).toEqual([]));
    const orphans = processes.filter(lives);
    expect(orphans.length).toBeGreaterThanOrEqual(1);
    await start();
    expect(orphans.filter(lives)).toEqual([]);
    await expectTokens(current);
  });

  it('has a successor that ends every process at SIGTERM, and exits with 0', async () => {
    await current.printed(/^postgres\s+the database cannot be used yet/m);
    await expectCleanEnd(current, () => current.end('SIGTERM'));
  });
});

it('commands find the control plane that was started, without a variable that names its data', async () => {
  const user = { OIO_DATA_DIR: '', XDG_STATE_HOME: join(scratch, 'state') };
  const url = await launch('state/oio', { env: user }).ready();
  for (const args of [
    ['token', '--json'],
    ['session', 'list'],
  ]) {
    const command = launch('state/oio', { args, env: user });
    expect(await command.exited, command.output).toBe(exitCode.ok);
    if (args[0] === 'token') expect(JSON.parse(command.output).url).toContain(url);
  }
});

describe('a start that cannot succeed', () => {
  it('on a port in use names the variable to set', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await refused('port', { env: { PORT: String(port) } }, `Port ${port} is in use by another program. Set PORT`);
    other.close();
  });

  it('for a missing directory, one without git, and one without a commit says how to fix it', async () => {
    const plain = join(scratch, 'plain');
    const empty = join(scratch, 'empty');
    for (const path of [plain, empty]) mkdirSync(path);
    execFileSync('git', ['-C', empty, 'init', '-q']);
    const up = (path: string) => ({ args: ['up', '--dir', path] });
    await refused('directory', up(join(scratch, 'absent')), /There is no directory .*--dir/);
    await refused('directory', up(plain), /is not a git repository.*git init.*--no-agent/);
    await refused('directory', up(empty), /has no commit.*git commit/);
  });

  it('with an invalid setting says so in one sentence, before any process starts', async () => {
    const sentence =
      'OIO_LEASE_TTL_SECONDS must be a whole number from 5 to 3600, such as OIO_LEASE_TTL_SECONDS=60, not "abc".';
    const launcher = launch('lease', { env: { OIO_LEASE_TTL_SECONDS: 'abc' } });
    expect(await launcher.exited).toBe(exitCode.environment);
    expect(launcher.output).toBe(`oio: ${sentence}\n`);
    expect(existsSync(join(scratch, 'lease'))).toBe(false);
  });

  it('with a token that is too short says how long it must be', async () => {
    await refused('token', { env: { OIO_TOKEN: 'short' } }, 'at least 32');
  });
});

it('a launcher that is stopped during its start leaves nothing behind', async () => {
  const launcher = launch('stopped-early');
  await launcher.pidOf('worker');
  const processes = descendantsOf(launcher.process.pid);
  expect(await launcher.end()).toBe(0);
  expect(processes.filter(lives)).toEqual([]);
});
