import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exitCode } from '../../../cli/command.ts';
import { prepareScratchRepository } from '../../../cli/demo/scratch-repository.ts';
import { projectFile } from '../../../cli/launcher/project.ts';
import { lockDataDirectory } from '../../../runner/identity.ts';

const scratch = mkdtempSync(join(tmpdir(), 'oio-agent-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const runAgent = (args: string[], env: Record<string, string>) => runCommand(['agent', ...args], env);

async function runCommand(args: string[], env: Record<string, string>, cwd?: string) {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [projectFile('cli/main.ts'), ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const [code] = await once(child, 'close');
  return { code: code as number | null, errors, output };
}

it('oio agent gives each name its own directory, and tells a second agent in one directory to choose another', async () => {
  const repository = await prepareScratchRepository(join(scratch, 'repository'));
  const directory = join(scratch, 'oio', 'agent-build-1');
  const unlock = lockDataDirectory(directory);
  const args = ['--url', 'http://127.0.0.1:9', '--dir', repository, '--name', 'AGENT-BUILD-1'];
  const { code, errors } = await runAgent(args, { XDG_STATE_HOME: scratch, OIO_AGENT_TOKEN: 'any' });
  unlock();
  expect(errors).toBe(`oio: Another agent uses ${directory}. Stop it, or set --data to another directory.\n`);
  expect(code).toBe(exitCode.failed);
});

it('oio agent reports a failed start in one sentence, and warns of the orchestrator’s own repository', async () => {
  const repository = await prepareScratchRepository(join(scratch, 'repository'));
  const directory = join(scratch, 'obstructed');
  mkdirSync(directory);
  writeFileSync(join(directory, 'opencode'), 'a file where a directory is to be');
  const args = ['--url', 'http://127.0.0.1:9', '--dir', repository, '--data', directory];
  const { code, errors, output } = await runAgent(args, { OIO_AGENT_TOKEN: 'any' });
  expect(errors).toMatch(/^oio: EEXIST: .+\n$/);
  expect(code).toBe(exitCode.failed);
  expect(output).not.toContain("orchestrator's own repository");
  const own = await runAgent(['--url', 'http://127.0.0.1:9', '--dir', projectFile('.'), '--data', directory], {
    OIO_AGENT_TOKEN: 'any',
  });
  expect(own.output).toContain("--dir is the orchestrator's own repository; name yours");
});

it.each(['up', 'agent'])('oio %s refuses a variable that tools cannot get, and says what to do', async (command) => {
  const repository = await prepareScratchRepository(join(scratch, 'repository'));
  const url = command === 'agent' ? ['--url', 'http://127.0.0.1:9'] : [];
  const args = [command, ...url, '--dir', repository, '--env', 'NPM_TOKEN'];
  const { code, errors } = await runCommand(args, { XDG_STATE_HOME: scratch, OIO_AGENT_TOKEN: 'any', NPM_TOKEN: 'x' });
  expect(errors).toMatch(/^oio: --env: NPM_TOKEN cannot be passed to tools: its name says that it is a secret\. .+\n/);
  expect(code).toBe(exitCode.usage);
});

it.each([
  ['localhost:8920', 'not "localhost:8920". Did you mean "http://localhost:8920"?'],
  ['ws://control.test', 'not "ws://control.test". Did you mean "http://control.test"?'],
  ['http://', 'not "http://".'],
])('oio agent refuses the URL %s, and suggests what was meant', async (url, words) => {
  const { code, errors } = await runAgent(['--url', url], { OIO_AGENT_TOKEN: 'any' });
  expect(errors).toBe(`oio: --url must be an http or https URL, such as --url http://127.0.0.1:8787, ${words}\n`);
  expect(code).toBe(exitCode.usage);
});

it('oio agent refuses the name of a technology that is too long, and says how long it can be', async () => {
  const { code, errors } = await runAgent(['--url', 'http://127.0.0.1:9', '--technology', 'x'.repeat(51)], {
    OIO_AGENT_TOKEN: 'any',
    XDG_STATE_HOME: scratch,
  });
  expect(errors).toMatch(/^oio: --technology has 1 to 50 characters, such as react, not "x{51}"\.\n/);
  expect(code).toBe(exitCode.usage);
});

describe('under npm, which runs a script in the directory of this package', () => {
  const called = join(scratch, 'called');
  mkdirSync(called);
  const runNpm = (...args: string[]) =>
    runCommand(args, { npm_lifecycle_event: 'oio', INIT_CWD: called, OIO_AGENT_TOKEN: 'any' }, projectFile('.'));
  const url = ['--url', 'http://127.0.0.1:9'];

  it.each([
    ['agent --dir .', ['agent', ...url, '--dir', '.', '--data', 'data'], `${called} is not a git repository`],
    ['agent', ['agent', ...url, '--data', 'data'], `${called} is not a git repository`],
    ['up --dir', ['up', '--dir', 'clone'], `There is no directory ${join(called, 'clone')}.`],
    ['agent --token-file', ['agent', ...url, '--token-file', 'token'], `there is no file ${join(called, 'token')}.`],
    ['session create --file', ['session', 'create', '--file', 'p.txt'], `there is no file ${join(called, 'p.txt')}.`],
  ])('oio %s takes a path from where the user called npm', async (_what, args, words) => {
    expect((await runNpm(...args)).errors).toContain(words);
  });

  it('oio takes a path from its working directory if another script has changed it', async () => {
    const env = { npm_lifecycle_event: 'other', INIT_CWD: scratch, OIO_AGENT_TOKEN: 'any' };
    const { errors } = await runCommand(['agent', ...url, '--dir', '.', '--data', 'data'], env, called);
    expect(errors).toContain(`${called} is not a git repository`);
  });
});
