/** Running commands one after the other, each under a heading, for the scripts of this folder. */
import { spawnSync } from 'node:child_process';

/** Keeps wrangler and miniflare from calling home, asking questions, or fetching a sample of `request.cf`. */
const OFFLINE = {
  CI: '1',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};

/** Runs `command` (a package's executable or a program) with our output as its own; answers whether it succeeded. */
export function run(command: string, ...args: string[]): boolean {
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...OFFLINE, ...process.env },
    shell: process.platform === 'win32',
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

/** Prints a heading, does `work`, prints how long it took; answers whether it succeeded. */
export function step(title: string, work: () => boolean): boolean {
  console.log(`\n=== ${title}`);
  const startedAt = performance.now();
  const succeeded = work();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`=== ${title}: ${succeeded ? 'passed' : 'FAILED'} in ${seconds} s`);
  return succeeded;
}
