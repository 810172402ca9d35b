import { NotCompletedError, UnreachableError } from './access.ts';
import type { AgentOptions } from './agent-parts.ts';
import type { Lease } from './lease/lease.ts';

type LifetimeOptions = Pick<AgentOptions, 'once' | 'idleExitMs' | 'log' | 'url'>;

/** When an agent stops by itself: after one task, or after a time without work. */
export class Lifetime {
  readonly #options: LifetimeOptions;
  readonly #stop: (error: Error | null) => void;
  #idle: NodeJS.Timeout | undefined;
  #hasConnected = false;

  /** @param stop stops the agent; with an error if its one task was not completed, or it could not get any */
  constructor(options: LifetimeOptions, stop: (error: Error | null) => void) {
    this.#options = options;
    this.#stop = stop;
    // A control plane that never answers gives no work either.
    this.idle();
  }

  /** The control plane has accepted the agent. @param isIdle whether the agent has no work */
  connected(isIdle: boolean): void {
    this.#hasConnected = true;
    if (isIdle) this.idle();
  }

  /** The agent has no work. */
  idle(): void {
    const { idleExitMs, log, url } = this.#options;
    clearTimeout(this.#idle);
    if (idleExitMs === undefined) return;
    this.#idle = setTimeout(() => {
      log('there was no work; stopping');
      this.#stop(this.#hasConnected ? null : new UnreachableError(url));
    }, idleExitMs);
  }

  busy(): void {
    clearTimeout(this.#idle);
  }

  /** A lease has ended that was granted. @param isLast whether the agent has no other */
  finished({ outcome }: Pick<Lease, 'outcome'>, isLast: boolean): void {
    const { once, log } = this.#options;
    // What the agent has refused was not its one task.
    if (once && outcome?.status !== 'refused') {
      const status = outcome?.status ?? null;
      log(`the task has ended (${status ?? 'without a result'}); stopping`);
      this.#stop(status === 'completed' ? null : new NotCompletedError(status));
    } else if (isLast) this.idle();
  }
}
