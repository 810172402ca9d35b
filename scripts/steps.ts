/** Helpers for the scripts in this folder: they run commands one after the other, each under a heading. */
import { type StdioOptions, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** Stops wrangler and miniflare from sending metrics, asking questions, and fetching a sample of `request.cf`. */
const OFFLINE = {
  CI: '1',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};

/** Runs a command (a package's executable or a program) with this process's output. @returns whether it succeeded */
export function run(command: string, ...args: string[]): boolean {
  return runWith('inherit', command, args);
}

/** Like `run`, but the command's output replaces the file at `path`. */
export function runInto(path: string, command: string, ...args: string[]): boolean {
  const file = openSync(path, 'w');
  try {
    return runWith(['ignore', file, file], command, args);
  } finally {
    closeSync(file);
  }
}

function runWith(stdio: StdioOptions, command: string, args: string[]): boolean {
  const { status, error } = spawnSync(command, args, {
    stdio,
    env: { ...OFFLINE, ...process.env },
    shell: process.platform === 'win32',
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

/** Prints a heading, runs `work`, and prints its duration. @returns whether it succeeded */
export function step(title: string, work: () => boolean): boolean {
  console.log(`\n=== ${title}`);
  const startedAt = performance.now();
  const succeeded = work();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`=== ${title}: ${succeeded ? 'passed' : 'FAILED'} in ${seconds} s`);
  return succeeded;
}
