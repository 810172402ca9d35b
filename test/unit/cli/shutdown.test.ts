import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { projectFile } from '../../../cli/launcher/project.ts';

const PROGRAM = `
import { shutdownRequested } from ${JSON.stringify(projectFile('cli/launcher/shutdown.ts'))};
const alive = setInterval(() => {}, 1_000);
const requested = shutdownRequested(() => {});
console.log(process.pid);
await requested;
console.log('stops');
clearInterval(alive);
`;

let shell: ChildProcess | undefined;
let pid: number | undefined;
afterEach(() => {
  shell?.kill('SIGKILL');
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, as it should.
  }
});

/** The program, started by a shell as npm starts a script. */
async function startUnderShell(env: NodeJS.ProcessEnv): Promise<{ kill(): void; rest(): Promise<string> }> {
  const child = spawn('sh', ['-c', '"$0" --input-type=module-typescript -e "$1"; true', process.execPath, PROGRAM], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  shell = child;
  let output = '';
  const first = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      resolve();
    });
  });
  const closed = once(child.stdout, 'close');
  await first;
  pid = Number(output);
  return { kill: () => child.kill('SIGKILL'), rest: () => closed.then(() => output.slice(String(pid).length).trim()) };
}

test('a command that npm started stops when its parent has been killed', async () => {
  const program = await startUnderShell({ npm_lifecycle_event: 'start' });
  program.kill();
  expect(await program.rest()).toBe('stops');
});

test('a command that a person started goes on without its parent, until a signal arrives', async () => {
  const program = await startUnderShell({});
  program.kill();
  await once(shell!, 'exit');
  process.kill(pid!, 'SIGTERM');
  expect(await program.rest()).toBe('stops');
});
