import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exitCode } from '../../../cli/command.ts';
import { prepareScratchRepository } from '../../../cli/demo/scratch-repository.ts';
import { projectFile } from '../../../cli/launcher/project.ts';
import { lockDataDirectory } from '../../../runner/identity.ts';

const scratch = mkdtempSync(join(tmpdir(), 'oio-agent-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const runAgent = (args: string[], env: Record<string, string>) => runCommand(['agent', ...args], env);

async function runCommand(args: string[], env: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [projectFile('cli/main.ts'), ...args], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const [code] = await once(child, 'close');
  return { code: code as number | null, errors };
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

it('oio agent reports a failed start in one sentence, without a stack trace', async () => {
  const repository = await prepareScratchRepository(join(scratch, 'repository'));
  const directory = join(scratch, 'obstructed');
  mkdirSync(directory);
  writeFileSync(join(directory, 'opencode'), 'a file where a directory is to be');
  const args = ['--url', 'http://127.0.0.1:9', '--dir', repository, '--data', directory];
  const { code, errors } = await runAgent(args, { OIO_AGENT_TOKEN: 'any' });
  expect(errors).toMatch(/^oio: EEXIST: .+\n$/);
  expect(code).toBe(exitCode.failed);
});

it.each(['up', 'agent'])('oio %s refuses a variable that tools cannot get, and says what to do', async (command) => {
  const repository = await prepareScratchRepository(join(scratch, 'repository'));
  const url = command === 'agent' ? ['--url', 'http://127.0.0.1:9'] : [];
  const args = [command, ...url, '--dir', repository, '--env', 'NPM_TOKEN'];
  const { code, errors } = await runCommand(args, { XDG_STATE_HOME: scratch, OIO_AGENT_TOKEN: 'any', NPM_TOKEN: 'x' });
  expect(errors).toMatch(/^oio: --env: NPM_TOKEN cannot be passed to tools: its name says that it is a secret\. .+\n/);
  expect(code).toBe(exitCode.usage);
});
