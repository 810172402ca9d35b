import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataDirectory } from '../data-directory.ts';
import { built } from './build.ts';
import { projectFile, readCompatibility, workerdProgram } from './project.ts';
import type { SupervisedCommand } from './supervisor.ts';
import { embeddedFiles, workerdConfig } from './workerd-config.ts';

export interface WorkerdOptions {
  data: DataDirectory;
  port: number;
  /** The Worker's variables. Undefined ones get no binding. */
  variables: Readonly<Record<string, string | undefined>>;
}

/**
 * Writes workerd's configuration and copies the build's results beside it. A restart after a crash therefore runs the
 * same Worker, even if the build has changed meanwhile.
 *
 * @returns the command that runs workerd
 */
export function prepareWorkerd({ data, port, variables }: WorkerdOptions): SupervisedCommand {
  const directory = data.file('workerd');
  const dashboardDirectory = data.file('workerd', 'dashboard');
  const storageDirectory = data.file('objects');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(storageDirectory, { recursive: true, mode: 0o700 });
  cpSync(built.dashboard, dashboardDirectory, { recursive: true });
  copyFileSync(built.worker, data.file('workerd', embeddedFiles.worker));
  copyFileSync(projectFile('cli/launcher/assets-worker.js'), data.file('workerd', embeddedFiles.assets));

  const env = Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
  const compatibility = readCompatibility();
  const config = data.file('workerd', 'config.capnp');
  const text = workerdConfig({
    port,
    compatibilityDate: compatibility.date,
    compatibilityFlags: compatibility.flags,
    dashboardDirectory,
    storageDirectory,
    variables: Object.keys(env),
  });
  writeFileSync(config, text);
  // PATH is for the guard. The Worker sees only the variables that workerd's configuration names.
  const command = { name: 'worker', command: workerdProgram(), args: ['serve', config], finalCodes: [] };
  return { ...command, env: { ...(process.env.PATH ? { PATH: process.env.PATH } : {}), ...env } };
}

const healthPollMs = 50;

/** Resolves with true when `/health` responds, or with false when `signal` aborts first. */
export async function waitUntilHealthy(url: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    try {
      const response = await fetch(`${url}/health`, { signal });
      await response.body?.cancel();
      if (response.ok) return true;
    } catch {
      // workerd is not listening yet.
    }
    await sleep(healthPollMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
}
