import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFile } from '../../runner/process/lock-file.ts';
import { CliError, exitCode } from '../command.ts';
import { adviceOnPackages } from './installed-packages.ts';
import { projectFile } from './project.ts';

/** The paths of the build's results. */
export const built = { worker: projectFile('dist/worker/worker.js'), dashboard: projectFile('dist/dashboard') };

const scripts = ['scripts/build.ts', 'scripts/reference.ts'];
const sources = ['src', 'durable-objects', 'dashboard', ...scripts, 'wrangler.toml', 'package-lock.json'];
const results = [built.worker, join(built.dashboard, 'index.html')];
const lockPollMs = 200;

/**
 * Builds the Worker and the dashboard if a result is missing or older than a source. If two launchers start at the
 * same time, the second launcher waits for the first one's build.
 *
 * @param onStart called when a build is needed
 * @throws CliError with the build's output
 */
export async function buildIfStale(onStart: () => void): Promise<void> {
  if (!isStale(sources.map(projectFile), results)) return;
  onStart();
  mkdirSync(projectFile('dist'), { recursive: true });
  let unlock = lockFile(projectFile('dist/.lock'));
  for (; unlock === null; unlock = lockFile(projectFile('dist/.lock'))) await sleep(lockPollMs);
  try {
    if (isStale(sources.map(projectFile), results)) await runBuild();
  } finally {
    unlock();
  }
}

/** Whether a result is missing, or a source is newer than the oldest result. */
export function isStale(sourcePaths: readonly string[], resultPaths: readonly string[]): boolean {
  const times = resultPaths.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1);
  const oldestResult = Math.min(...times);
  return oldestResult < 0 || sourcePaths.some((path) => newestMtime(path) > oldestResult);
}

function newestMtime(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return -1;
  if (!stats.isDirectory()) return stats.mtimeMs;
  const inside = readdirSync(path)
    .filter((name) => name !== 'node_modules')
    .map((name) => newestMtime(join(path, name)));
  return Math.max(-1, ...inside);
}

function runBuild(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [projectFile('scripts/build.ts')], {
      cwd: projectFile('.'),
      stdio: ['ignore', 'pipe', 'pipe'],
      // Without npm, PATH lacks the directory of the build's tools.
      env: { ...process.env, PATH: [projectFile('node_modules/.bin'), process.env.PATH].join(delimiter) },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else {
        const advice = adviceOnPackages(projectFile('.'));
        reject(new CliError(`The build failed:\n${output.trim()}${advice && `\n\n${advice}`}`, exitCode.environment));
      }
    });
  });
}
