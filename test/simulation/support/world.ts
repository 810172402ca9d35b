import type { Clock } from '../../../runner/lease/clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

interface SimulatedEvent {
  at: number;
  run: () => void;
}

/**
 * The true time and the randomness of a simulation. Time jumps from event to event, and the seed decides everything.
 */
export class World {
  /** The true time: milliseconds since the start. */
  now = 0;
  /** The past events, oldest first, for the report of a violated law. */
  readonly trace: string[] = [];
  readonly random: () => number;
  /** Sorted by time. Of two at the same time, the older one comes first. */
  readonly #queue: SimulatedEvent[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** Calls `run` in `ms`. @returns a function that cancels the call */
  in(ms: number, run: () => void): () => void {
    const event = { at: this.now + ms, run };
    let place = this.#queue.length;
    while (place > 0 && this.#queue[place - 1]!.at > event.at) place--;
    this.#queue.splice(place, 0, event);
    return () => {
      const index = this.#queue.indexOf(event);
      if (index >= 0) this.#queue.splice(index, 1);
    };
  }

  /** The time of the next event; `Infinity` if there is none. */
  get nextAt(): number {
    return this.#queue[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Advances to the next event and runs it. */
  step(): void {
    const event = this.#queue.shift();
    if (!event) return;
    this.now = event.at;
    event.run();
  }

  note(text: string): void {
    this.trace.push(`${(this.now / 1_000).toFixed(3)} s  ${text}`);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  between(min: number, max: number): number {
    return min + this.random() * (max - min);
  }

  integer(min: number, max: number): number {
    return Math.floor(this.between(min, max + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }
}

/**
 * The clock of one process on a host, which may be fast or slow. Every event inside the process goes through it, so
 * that a killed process does nothing more, and a frozen one runs all events when it is resumed.
 */
export class ProcessClock implements Clock {
  readonly #world: World;
  readonly #rate: number;
  readonly #offset: number;
  #isDead = false;
  #isFrozen = false;
  #held: (() => void)[] = [];

  /** @param rate milliseconds of this clock per true millisecond @param offset its time at the start */
  constructor(world: World, rate: number, offset: number) {
    this.#world = world;
    this.#rate = rate;
    this.#offset = offset;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  now(): number {
    return this.#offset + this.#world.now * this.#rate;
  }

  random(): number {
    return this.#world.random();
  }

  after(ms: number, run: () => void): () => void {
    let isCancelled = false;
    const cancel = this.#world.in(ms / this.#rate, () =>
      this.run(() => {
        if (!isCancelled) run();
      }),
    );
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  every(ms: number, run: () => void): () => void {
    let isStopped = false;
    let cancel = () => {};
    const next = () => {
      cancel = this.after(ms, () => {
        run();
        if (!isStopped) next();
      });
    };
    next();
    return () => {
      isStopped = true;
      cancel();
    };
  }

  /** Runs an event of the process: now, when the process is resumed, or never. */
  run(event: () => void): void {
    if (this.#isDead) return;
    if (this.#isFrozen) this.#held.push(event);
    else event();
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    while (this.#held.length > 0 && !this.#isFrozen && !this.#isDead) this.#held.shift()!();
  }

  kill(): void {
    this.#isDead = true;
    this.#held = [];
  }
}
