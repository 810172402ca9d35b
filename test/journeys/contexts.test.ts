import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { projectFile } from '../../cli/launcher/project.ts';
import type { Context, ContextDiff, ContextHistory, ContextKey } from '../../src/protocol/context/context.ts';
import { oioOf } from './support/oio.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();
const { client } = fleet;

/** Runs the command line on the control plane's data directory. */
const oio = (...args: string[]) => oioOf(fleet, 'context', ...args);

async function newSession(title: string): Promise<string> {
  return (await client.sessions.create({ title, initial_prompt: 'say hi' })).id;
}

it('a context is made by its first write, and read, compared and followed back from the command line', async () => {
  const id = await newSession('Its context');
  const short = id.slice(0, 18);
  const missing = await oio('get', short);
  expect(missing).toMatchObject({
    code: exitCode.failed,
    output: expect.stringContaining(`context set session.${id}`),
  });
  expect(await oio('set', short, 'build/status', 'red')).toMatchObject({
    code: 0,
    output: `session.${id}  version 1  /build/status  "red"\n`,
  });
  await oio('set', `session.${short}`, 'build', '{"status":"green","tries":2}');
  const key = JSON.parse((await oio('get', short, 'build/tries', '--json')).output) as ContextKey;
  expect(key).toMatchObject({ path: '/build/tries', value: 2, version: 2, changed: { version: 2, by: 'static' } });
  expect((await oio('get', short, 'build/status', '--version', '1')).output).toBe('red\n');
  const whole = await oio('get', short);
  expect(whole.output).toMatch(new RegExp(`^session\\.${id}  version 2, changed .* by the admin token$`, 'm'));
  const diff = JSON.parse((await oio('diff', short, '--from', '1', '--json')).output) as ContextDiff;
  expect(diff).toEqual({
    added: [{ path: '/build/tries', value: 2 }],
    changed: [{ path: '/build/status', old: 'red', new: 'green' }],
    removed: [],
  });
  const history = await oio('history', short);
  expect(history.output).toMatch(/^version 2 {2}.* ago, the admin token\n {2}~ \/build\/status {2}"green"\n/);
  expect(history.output).toMatch(/^version 1 {2}.*\n {2}\+ \/build {2}\{"status":"red"\}$/m);
  const json = JSON.parse((await oio('history', short, '--json')).output) as ContextHistory;
  expect(json.items.map(({ version }) => version)).toEqual([2]);
  expect(await oio('get', short, 'nothing')).toMatchObject({
    code: exitCode.failed,
    output: expect.stringContaining('has no value at /nothing'),
  });
  expect(await oio('get', 'elsewhere')).toMatchObject({ code: exitCode.usage });
});

it('a write that has not seen the newest value is refused with both values and the command that writes it again', async () => {
  const id = await newSession('Two writers');
  const value = "it's mine";
  await oio('set', id, 'owner', 'nobody');
  await oio('set', id, 'owner', 'somebody');
  const refused = await oio('set', id, 'owner', value, '--expected-version', '1');
  expect(refused.code).toBe(exitCode.failed);
  expect(refused.output).toContain('The context has version 2 now.');
  expect(refused.output).toContain('theirs: "somebody"\n    yours:  "it\'s mine"\n');
  const again = /npm run (oio -- .*)$/.exec(refused.output.trimEnd())![1]!;
  expect(await client.contexts.get(`session.${id}`)).toMatchObject({ version: 2, data: { owner: 'somebody' } });
  // As a shell does it.
  const command = again.replace('oio --', `${process.execPath} ${projectFile('cli/main.ts')}`);
  const env = { ...process.env, OIO_DATA_DIR: fleet.address.dataDirectory };
  await promisify(execFile)('sh', ['-c', command], { env });
  expect(await client.contexts.get(`session.${id}`)).toMatchObject({ version: 3, data: { owner: value } });
  await promisify(execFile)('sh', ['-c', `printf 'two\\nlines\\n' | ${command.replace(/'it.*/, '-')}`], { env });
  expect((await client.contexts.getKey(`session.${id}`, 'owner')).value).toBe('two\nlines');
});

it('a value that is set as a secret is printed by no command that does not read it', async () => {
  const id = await newSession('Secret');
  const { code, output } = await oio('set', id, 'token', 'hunter2', '--secret');
  expect([code, output]).toEqual([exitCode.ok, expect.stringContaining('[secret]')]);
  expect(output).not.toContain('hunter2');
  const { secret_paths, data } = await client.contexts.get(`session.${id}`);
  expect([secret_paths, data]).toEqual([['/token'], { token: 'hunter2' }]);
  expect((await oio('history', id)).output).not.toContain('hunter2');
  // Who reads it sees that it must not be passed on.
  for (const path of [[], ['token']]) {
    const { output } = await oio('get', id, ...path);
    expect([output.includes('hunter2'), output.includes('! /token is secret')]).toEqual([true, true]);
  }
});

it('a conflict that a merge has left open is shown with both sides, and decided from the command line', async () => {
  const [mine, theirs] = [await newSession('Mine'), await newSession('Theirs')];
  await oio('set', mine, 'port', '8080');
  await oio('set', theirs, 'port', '9090');
  expect(JSON.parse((await oio('diff', mine, theirs, '--json')).output)).toMatchObject({
    changed: [{ path: '/port', old: 8080, new: 9090 }],
  });
  await client.contexts.merge({ context_ids: [`session.${theirs}`, `session.${mine}`] });
  const shown = (await oio('get', mine)).output;
  expect(shown).toMatch(/^ {2}1 {2}\/port\n {5}current: 8080\n {5}source: {2}9090 {2}from version 1 of session\./m);
  expect(await oio('resolve', mine, '1', 'source')).toMatchObject({
    code: 0,
    output: expect.stringContaining('no conflict is left'),
  });
  const context = JSON.parse((await oio('get', mine, '--json')).output) as Context;
  expect(context).toMatchObject({ data: { port: 9090 }, open_conflicts: 0 });
});

it('without Postgres, the list of contexts says that each can be read by its id', async () => {
  expect(await oio('list')).toMatchObject({
    code: exitCode.failed,
    output: expect.stringContaining('can be read by their ids'),
  });
});
