import { setTimeout as sleep } from 'node:timers/promises';
import type { DataDirectory } from '../data-directory.ts';
import { processStartTime } from './process-identity.ts';

export interface ProcessEntry {
  name: string;
  pid: number;
  start_time: string;
}

const fileName = 'processes.json';
const defaultGraceMs = 2_000;
const pollMs = 20;

/**
 * The processes that were started for a data directory, kept on disk. Whatever a killed launcher left is ended from it
 * before the next start opens anything.
 */
export class ProcessLedger {
  readonly #data: DataDirectory;
  #entries: ProcessEntry[];

  constructor(data: DataDirectory) {
    this.#data = data;
    const stored = data.readJson<ProcessEntry[]>(fileName);
    this.#entries = Array.isArray(stored) ? stored.filter(isEntry) : [];
  }

  /** Records a process that was just started; one that is gone already is left out. */
  record(name: string, pid: number): void {
    const startTime = processStartTime(pid);
    if (startTime === undefined) return;
    this.#entries.push({ name, pid, start_time: startTime });
    this.#write();
  }

  /**
   * Ends every process recorded under a name, or under any, and forgets it: SIGTERM, `graceMs` to finish, SIGKILL.
   * Resolves with those that still lived.
   */
  async end(name?: string, graceMs = defaultGraceMs): Promise<ProcessEntry[]> {
    const chosen = this.#entries.filter((entry) => name === undefined || entry.name === name);
    const living = chosen.filter(lives);
    await Promise.all(living.map((entry) => endProcess(entry, graceMs)));
    this.#entries = this.#entries.filter((entry) => !chosen.includes(entry));
    this.#write();
    return living;
  }

  /** Ends every recorded process at once, with no time to finish. */
  killAll(): void {
    for (const entry of this.#entries) signal(entry, 'SIGKILL');
  }

  #write(): void {
    this.#data.writePrivate(fileName, `${JSON.stringify(this.#entries)}\n`);
  }
}

function isEntry(value: unknown): value is ProcessEntry {
  const entry = value as Partial<ProcessEntry> | null;
  return Number.isInteger(entry?.pid) && typeof entry?.start_time === 'string';
}

function lives(entry: ProcessEntry): boolean {
  return processStartTime(entry.pid) === entry.start_time;
}

/** Resolves when the process is gone. */
async function endProcess(entry: ProcessEntry, graceMs: number): Promise<void> {
  signal(entry, 'SIGTERM');
  for (const deadline = Date.now() + graceMs; lives(entry) && Date.now() < deadline; ) {
    await sleep(pollMs);
  }
  for (signal(entry, 'SIGKILL'); lives(entry); ) await sleep(pollMs);
}

/** Signals the process only if it is the one recorded, so that a reused pid is left alone. */
function signal(entry: ProcessEntry, name: NodeJS.Signals): void {
  if (!lives(entry)) return;
  try {
    process.kill(entry.pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}
