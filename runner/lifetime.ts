import { NotCompletedError } from './access.ts';
import type { AgentOptions } from './agent-parts.ts';
import type { Lease } from './lease/lease.ts';

type LifetimeOptions = Pick<AgentOptions, 'once' | 'idleExitMs' | 'log'>;

/** When an agent stops by itself: after one task, or after a time without work. */
export class Lifetime {
  readonly #options: LifetimeOptions;
  readonly #stop: (error: Error | null) => void;
  #idle: NodeJS.Timeout | undefined;

  /** @param stop stops the agent; with an error if its one task was not completed */
  constructor(options: LifetimeOptions, stop: (error: Error | null) => void) {
    this.#options = options;
    this.#stop = stop;
  }

  /** The agent has no work. */
  idle(): void {
    const { idleExitMs, log } = this.#options;
    clearTimeout(this.#idle);
    if (idleExitMs === undefined) return;
    this.#idle = setTimeout(() => {
      log('there was no work; stopping');
      this.#stop(null);
    }, idleExitMs);
  }

  busy(): void {
    clearTimeout(this.#idle);
  }

  /** A lease has ended that was granted. @param isLast whether the agent has no other */
  finished({ outcome }: Pick<Lease, 'outcome'>, isLast: boolean): void {
    const { once, log } = this.#options;
    if (once) {
      log(`the task has ended (${outcome ?? 'without a result'}); stopping`);
      this.#stop(outcome === 'completed' ? null : new NotCompletedError(outcome));
    } else if (isLast) this.idle();
  }
}
