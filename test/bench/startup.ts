import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInto } from '../../scripts/steps.ts';
import { activeTimes, type CpuProfile } from './cpu-profile.ts';

const RUNS = 5;

/**
 * The CPU time in ms that evaluating the Worker's modules takes, once for each run. `wrangler check startup` profiles
 * the Worker that a deploy would upload.
 * @param directory where the profiles are kept
 * @throws when wrangler fails
 */
export function measureStartup(directory: string): number[] {
  return Array.from({ length: RUNS }, (_, run) => {
    const profile = join(directory, `startup-${run}.cpuprofile`);
    const log = join(directory, 'startup.log');
    if (!runInto(log, 'wrangler', 'check', 'startup', '--outfile', profile)) throw new Error(readFileSync(log, 'utf8'));
    const times = activeTimes(JSON.parse(readFileSync(profile, 'utf8')) as CpuProfile);
    return [...times.values()].reduce((sum, us) => sum + us, 0) / 1_000;
  });
}
