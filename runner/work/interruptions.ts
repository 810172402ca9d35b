import type { ReleaseReason } from './lease-work.ts';
import type { Interruption } from './turn.ts';
import { Wakeup } from './wakeup.ts';

interface Release {
  reason: ReleaseReason;
  message: string;
}

/** What interrupts the work on an assignment: the release of its lease, the lease's end, and silence of the session. */
export class Interruptions {
  readonly #wakeup = new Wakeup();
  readonly #ending = Promise.withResolvers<void>();
  readonly #ended = new AbortController();
  #release: Release | null = null;
  #isQuiet = false;
  #isCancelled = false;

  /** Resolves when the lease is to be released, or is over. */
  get ending(): Promise<void> {
    return this.#ending.promise;
  }

  /** Aborted when the lease is to be released, or is over. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Why the lease is to be released; null if it is not. */
  get release(): Release | null {
    return this.#release;
  }

  /** Whether the session has been silent for so long that another agent may hold the lease. */
  get isQuiet(): boolean {
    return this.#isQuiet;
  }

  /** Whether the lease is over. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** An interruption because of which no turn may begin; null when one may begin. */
  get pending(): { type: 'interrupted'; by: Interruption } | null {
    if (this.#isCancelled) return { type: 'interrupted', by: 'cancelled' };
    return this.#release && { type: 'interrupted', by: interruptionFor(this.#release.reason) };
  }

  /** Waits for a signal: a message, or an interruption. */
  wait(): Promise<void> {
    return this.#wakeup.wait();
  }

  signal(): void {
    this.#wakeup.signal();
  }

  /** The lease is to be released. The first reason counts. @returns how a turn is interrupted */
  toRelease(reason: ReleaseReason, message: string): Interruption {
    this.#release ??= { reason, message };
    this.#end();
    return interruptionFor(this.#release.reason);
  }

  quiet(): void {
    this.#isQuiet = true;
  }

  alive(): void {
    this.#isQuiet = false;
    this.signal();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#end();
  }

  #end(): void {
    this.#ending.resolve();
    this.#ended.abort();
    this.signal();
  }
}

function interruptionFor(reason: ReleaseReason): Interruption {
  return reason === 'stopped' ? 'stop' : 'pause';
}
