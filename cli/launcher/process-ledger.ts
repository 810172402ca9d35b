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
 * The processes that were started for a data directory, recorded on disk. The next start uses the record to end the
 * processes that a killed launcher left, before it opens any file.
 */
export class ProcessLedger {
  readonly #data: DataDirectory;
  #entries: ProcessEntry[];

  constructor(data: DataDirectory) {
    this.#data = data;
    const stored = data.readJson<ProcessEntry[]>(fileName);
    this.#entries = Array.isArray(stored) ? stored.filter(isEntry) : [];
  }

  /** Records a process that was just started, unless it has ended already. */
  record(name: string, pid: number): void {
    const startTime = processStartTime(pid);
    if (startTime === undefined) return;
    this.#entries.push({ name, pid, start_time: startTime });
    this.#write();
  }

  /**
   * Ends all processes that are recorded under a name, or all processes if no name is given, and deletes their records.
   * Sends SIGTERM and, after `graceMs`, SIGKILL.
   *
   * @returns the processes that were still running
   */
  async end(name?: string, graceMs = defaultGraceMs): Promise<ProcessEntry[]> {
    const chosen = this.#entries.filter((entry) => name === undefined || entry.name === name);
    const running = chosen.filter(isRunning);
    await Promise.all(running.map((entry) => endProcess(entry, graceMs)));
    this.#entries = this.#entries.filter((entry) => !chosen.includes(entry));
    this.#write();
    return running;
  }

  /** Kills every recorded process at once. */
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

function isRunning(entry: ProcessEntry): boolean {
  return processStartTime(entry.pid) === entry.start_time;
}

/** Resolves when the process has ended. */
async function endProcess(entry: ProcessEntry, graceMs: number): Promise<void> {
  signal(entry, 'SIGTERM');
  for (const deadline = Date.now() + graceMs; isRunning(entry) && Date.now() < deadline; ) {
    await sleep(pollMs);
  }
  for (signal(entry, 'SIGKILL'); isRunning(entry); ) await sleep(pollMs);
}

/** Signals the process only if it is the recorded one, so that a process with a reused pid is spared. */
function signal(entry: ProcessEntry, name: NodeJS.Signals): void {
  if (!isRunning(entry)) return;
  try {
    process.kill(entry.pid, name);
  } catch {
    // The process ended between the check and the signal.
  }
}
