import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { MARKER_VARIABLE } from '../../../runner/opencode/home.ts';
import { findByEnvironment } from '../../../runner/process/processes.ts';
import { eventually } from '../../support/eventually.ts';

/**
 * A tool call that runs until the test opens the gate: what a test does before it does not depend on how long the work
 * takes, nor on how busy the machine is.
 */
export class Gate {
  readonly #path: string;

  /** @param path of a file that does not exist yet */
  constructor(path: string) {
    this.#path = path;
  }

  /** The directive that waits at the gate. */
  get directive(): string {
    return `run until test -e ${this.#path}; do sleep 0.1; done`;
  }

  open(): void {
    writeFileSync(this.#path, '');
  }
}

/** Several agents must have opened a worktree and asked their model, and a machine may be busy with others. */
const MEETING_LIMIT_MS = 180_000;

/**
 * A tool call that waits until several tasks are in it: they run in parallel then, however long an agent needs to begin.
 * A task that begins again finds the others there, and goes on.
 */
export class Meeting {
  readonly #directory: string;
  readonly #size: number;

  /**
   * @param directory that does not exist yet
   * @param size how many tasks must come
   */
  constructor(directory: string, size: number) {
    this.#directory = directory;
    this.#size = size;
    mkdirSync(directory);
  }

  /** The directive that waits. A worktree's name is that of its task and its epoch. */
  get directive(): string {
    const come = `here=\${PWD##*/}; touch ${this.#directory}/\${here%-*}`;
    return `run ${come}; until [ $(ls ${this.#directory} | wc -l) -ge ${this.#size} ]; do sleep 0.1; done`;
  }

  /** Resolves when all have come. */
  begins(): Promise<void> {
    return eventually(() => {
      const come = readdirSync(this.#directory);
      if (come.length < this.#size) throw new Error(`Only these have come: ${come.join(', ')}.`);
    }, MEETING_LIMIT_MS);
  }
}

/** A tool call that hangs the first time, and is quick when another agent repeats it. */
export class Stall {
  readonly #path: string;

  /** @param path of a file that does not exist yet */
  constructor(path: string) {
    this.#path = path;
  }

  get directive(): string {
    return `run echo begun >> ${this.#path}; test $(wc -l < ${this.#path}) -gt 1 || exec sleep 300`;
  }

  /** How often the call has begun. */
  get times(): number {
    return existsSync(this.#path) ? readFileSync(this.#path, 'utf8').split('\n').length - 1 : 0;
  }

  /** Resolves when the call hangs. Its event is no sign of that, because the event comes before the shell runs. */
  hangs(): Promise<void> {
    return eventually(() => {
      if (this.times === 0) throw new Error('The call has not begun.');
    });
  }
}

/** A directive that hangs in a tool the first time it is done, and is quick when done again. @param seen a new file */
export function sleepOnce(seen: string): string {
  return `run test -e ${seen} || { : > ${seen}; exec sleep 300; }`;
}

/** The tools of one OpenCode server that sleep now. */
export function sleeping(marker: string): number[] {
  return findByEnvironment(MARKER_VARIABLE, marker).filter((pid) => {
    try {
      const [command, seconds] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return command === 'sleep' && seconds === '300';
    } catch {
      return false;
    }
  });
}
