type Fate = 'arrives' | 'lost' | 'answer lost' | 'late' | 'twice';

const MAX_LATE = 20;

/** The line to a store that cannot be trusted: messages are lost, late, repeated and reordered. */
export class UnreliableLine {
  readonly #random: () => number;
  readonly #meanwhile: () => Promise<void>;
  /** How many of ten messages have trouble; all of them if the store is down. */
  #trouble = 0;
  #isBusy = false;
  #late: (() => Promise<unknown>)[] = [];

  /** @param meanwhile what can happen while a message is on its way */
  constructor(random: () => number, meanwhile: () => Promise<void>) {
    this.#random = random;
    this.#meanwhile = meanwhile;
  }

  /** The store at the end of this line. */
  to<Store extends object>(store: Store): Store {
    return new Proxy(store, {
      get: (target, name) => {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => {
          // As it is sent: the caller may go on to change what it has passed.
          const sent = args.map((arg) => (arg instanceof AbortSignal ? arg : structuredClone(arg)));
          return this.#send(async () => Reflect.apply(method, target, sent));
        };
      },
    });
  }

  /** The line becomes worse or better. */
  change(): void {
    this.#trouble = [0, 0, 3, 6, 10][Math.floor(this.#random() * 5)]!;
  }

  heal(): void {
    this.#trouble = 0;
    this.#isBusy = true;
  }

  /** Messages of long ago arrive, in any order. */
  async deliverLate(): Promise<void> {
    const late = this.#late.sort(() => this.#random() - 0.5);
    this.#late = [];
    for (const arrive of late) await arrive();
  }

  async #send<T>(arrive: () => Promise<T>): Promise<T> {
    const fate = this.#fate();
    if (fate === 'lost') throw new Error('the message was lost');
    if (fate === 'late' || fate === 'twice') {
      if (this.#late.length < MAX_LATE) this.#late.push(arrive);
      if (fate === 'late') throw new Error('there was no answer in time');
    }
    const before = this.#random() < 0.5;
    if (before) await this.#pause();
    const answer = await arrive();
    if (!before) await this.#pause();
    if (fate === 'answer lost') throw new Error('the answer was lost');
    return answer;
  }

  #fate(): Fate {
    if (this.#random() * 10 >= this.#trouble) return 'arrives';
    if (this.#trouble === 10) return this.#random() < 0.8 ? 'lost' : 'late';
    return (['lost', 'answer lost', 'late', 'twice'] as const)[Math.floor(this.#random() * 4)]!;
  }

  /** Time for others, of whom none interrupts another one. */
  async #pause(): Promise<void> {
    if (this.#isBusy || this.#random() > 0.3) return;
    this.#isBusy = true;
    try {
      await this.#meanwhile();
    } finally {
      this.#isBusy = false;
    }
  }
}
