import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { projectFile } from '../../cli/launcher/project.ts';
import { percentile } from './statistics.ts';

/** The facts about the machine on which the figures depend. */
export interface Machine {
  processor: string;
  cores: number;
  memory_gib: number;
  system: string;
  node: string;
  workerd: string;
  /** The median time to write 4 KiB and flush them to the disk, which every durable commit needs. */
  fdatasync_ms: number;
  /** The load average over the last minute. */
  load_before: number;
  load_after: number;
}

const SYNCS = 200;

/** @param directory the directory of the objects' storage */
export function describeMachine(directory: string): Machine {
  const [processor] = cpus();
  const load = loadOfLastMinute();
  return {
    processor: processor?.model ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release().split('-')[0]} ${arch()}`,
    node: process.version,
    workerd: JSON.parse(readFileSync(projectFile('node_modules/workerd/package.json'), 'utf8')).version,
    fdatasync_ms: medianSyncMs(join(directory, 'sync')),
    load_before: load,
    load_after: load,
  };
}

export function loadOfLastMinute(): number {
  return loadavg()[0] ?? 0;
}

function medianSyncMs(path: string): number {
  const block = Buffer.alloc(4_096, 'x');
  const file = openSync(path, 'w');
  const times = Array.from({ length: SYNCS }, () => {
    const at = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - at;
  });
  closeSync(file);
  return percentile(times, 0.5);
}
