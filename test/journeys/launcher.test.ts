import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { eventually } from '../support/eventually.ts';
import { expectReference } from '../support/expect-reference.ts';
import { expectCleanEnd, expectTokens, makeTokens } from '../system/support/control-plane-data.ts';
import { NO_POSTGRES } from '../system/support/fleet.ts';
import { Launcher } from '../system/support/launcher.ts';
import { scratchDirectory } from '../system/support/rig.ts';

const scratch = scratchDirectory();
const directory = join(scratch.path, 'data');
const modeOf = (file: string) => statSync(join(directory, file)).mode & 0o777;
let launcher: Launcher;
let url: string;
afterAll(async () => {
  await launcher.end();
  scratch.remove();
});
beforeAll(async () => {
  launcher = new Launcher({ dataDirectory: directory, env: NO_POSTGRES });
  url = await launcher.ready();
  await launcher.printed(/Press Ctrl-C/);
  await launcher.printed(/^postgres\s+the database cannot be used yet/m);
});

it('npm start prints one ready line whose URL responds, and only its owner can read its secrets', async () => {
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect(launcher.output).toMatch(new RegExp(`^open\\s+${url}/#code=\\S+$`, 'm'));
  expect(launcher.output.match(/^ready\b/gm)).toHaveLength(1);
  expect(modeOf('')).toBe(0o700);
  for (const name of ['admin-token', 'signing-keys', 'server.json', 'processes.json']) expect(modeOf(name)).toBe(0o600);
  const secrets = ['admin-token', 'signing-keys'].map((name) => readFileSync(join(directory, name), 'utf8').trim());
  const configuration = readFileSync(join(directory, 'workerd', 'config.capnp'), 'utf8');
  for (const secret of secrets) expect(configuration + launcher.output).not.toContain(secret);
});

it('npm start serves the API’s reference for programs and for people', () => expectReference(url));

it('each process of the launcher has a log of JSON lines', async () => {
  // Each writes a line: the Worker for the request, Postgres for the missing database.
  await fetch(`${url}/health`);
  for (const name of ['worker', 'postgres']) {
    const lines = await eventually(() => {
      const written = readFileSync(join(directory, 'logs', `${name}.log`), 'utf8')
        .split('\n')
        .filter(Boolean);
      expect(written).not.toEqual([]);
      return written;
    });
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ process: name, level: expect.any(String) });
  }
});

it('a second start on the same data directory is refused, and the first one keeps running', async () => {
  const second = new Launcher({ dataDirectory: directory, env: NO_POSTGRES });
  expect(await second.exited).toBe(exitCode.environment);
  expect(second.output).toContain(`in use by process ${launcher.process.pid}, which serves ${url}`);
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

it('workerd restarts on the same port after a SIGKILL, with everything that was acknowledged', async () => {
  await makeTokens(launcher);
  const killed = await launcher.kill('worker');
  await launcher.printed(/^worker\s+ended with code 137; restarting/m);
  await expectTokens(launcher);
  expect(await launcher.pidOf('worker')).not.toBe(killed);
});

it('Ctrl-C ends every process, and the launcher exits with 0', async () => {
  await expectCleanEnd(launcher, () => launcher.pressCtrlC());
  expect(existsSync(join(directory, 'server.json'))).toBe(false);
});
