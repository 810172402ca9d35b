import { errorFields } from '../../../src/ports/logger.ts';
import { Rejected } from '../../../src/ports/rejected.ts';
import { CachedRows } from '../storage/cached-rows.ts';
import type { ObjectStore } from '../storage/store.ts';
import { nextTurn, withDeadline } from './outbound.ts';
import { type Backlog, type Entry, OutboxRows } from './outbox-rows.ts';

/**
 * Another store to which this object writes. Entries may name a place at it, as in `close_sockets:session/1`: each place
 * is then a destination of its own, which fails and is retried alone.
 */
export interface Destination {
  name: string;
  /** The longest pause between two attempts, in ms. The default is for objects, which are back within minutes. */
  retry_ms_max?: number;
  /**
   * The most entries that wait for it; more are dropped, with a log line. Needed only if the object can write new keys
   * without end while the destination is away. By default, nothing is dropped.
   */
  entries_max?: number;
  /**
   * Delivers one entry. Deliveries can be repeated, so the destination must recognize a delivered entry by its key or
   * by a version in the payload.
   * @throws Rejected when the entry can never be accepted; any other error when the destination is unavailable
   */
  deliver(key: string, payload: unknown, signal: AbortSignal): Promise<void>;
}

/** The row of a destination that failed, or whose delivery was started by the alarm. */
interface DestinationRow {
  name: string;
  failures: number;
  next_at: number;
}

const DELIVERY_MS = 5_000;
/** The time after which the alarm repeats a delivery that was lost with its process. */
const BACKSTOP_MS = 2_000;
const FIRST_RETRY_MS = 1_000;
const RETRY_MS_MAX = 300_000;
const PARK_AFTER_REJECTIONS = 10;
const ENTRIES_AT_A_TIME = 50;

/**
 * The writes to other stores. They commit together with the state that they describe. They are delivered after the
 * commit, at least once and in no particular order. Therefore an entry must be an upsert with a version, or an insert
 * by key.
 *
 * The entries of a transaction are one row. The row has a deadline (`due_at`) that repeats its deliveries if the process
 * dies. A row whose entries have all been delivered is deleted with the object's next commit, at the latest when that
 * deadline fires.
 *
 * Only a failing destination has a row in `destinations`. Its `next_at` applies to all entries of the destination.
 * Deliveries are retried for ever, with growing pauses. An entry that is rejected ten times is parked, and the other
 * entries continue.
 */
export class Outbox {
  readonly #store: ObjectStore;
  readonly #destinations: Map<string, Destination>;
  readonly #rows: OutboxRows;
  readonly #failing: CachedRows<DestinationRow>;
  readonly #delivering = new Map<string, Promise<void>>();
  /** The destinations whose deliveries start in the next turn. */
  readonly #committed = new Set<string>();
  /** The entries of the current transaction, by destination and key. */
  #added = new Map<string, Entry>();

  /** @param destinations in the order in which deliveries start */
  constructor(store: ObjectStore, destinations: readonly Destination[]) {
    this.#store = store;
    this.#destinations = new Map(destinations.map((destination) => [destination.name, destination]));
    this.#rows = new OutboxRows(store);
    this.#failing = new CachedRows(store, 'destinations', 'name');
    store.addDueSource(() => this.#earliest());
  }

  /**
   * Adds an entry, and replaces an undelivered one with the same key. Must run inside a transaction. Delivery starts
   * after the commit. Writes nothing for a destination that is not configured, or that has its most entries.
   */
  put(destination: string, key: string, payload: unknown): void {
    const configured = this.#destinationOf(destination);
    if (!configured) return;
    const { entries_max = Infinity } = configured;
    if (!this.#rows.hasRoom(destination, key, entries_max)) {
      const { platform } = this.#store;
      return this.#store.afterCommit(() => platform.logger('error', 'outbox_full', { destination, key }));
    }
    // The entries belong to a transaction that was rolled back.
    if (!this.#store.willFinish(this.#write)) this.#added = new Map();
    this.#added.set(`${destination}/${key}`, { destination, key, payload, rejections: 0 });
    this.#store.beforeCommit(this.#write);
  }

  /**
   * Waits until the deliveries to a destination have ended. It starts those of the last commits at once. Only the alarm
   * tries a destination again that fails. Never rejects.
   */
  settled(name: string): Promise<void> {
    this.#startCommitted();
    return this.#delivering.get(name) ?? Promise.resolve();
  }

  /** Starts or joins the delivery to one destination. Never rejects. */
  #drain(name: string): Promise<void> {
    const running = this.#delivering.get(name);
    if (running) return running;
    const destination = this.#destinationOf(name);
    if (!destination || !this.#store.created) return Promise.resolve();
    // Starts in a later microtask, so that the delivery is registered as running before it can end.
    const work = Promise.resolve()
      .then(() => this.#deliverAll(name, destination))
      .catch((error) => {
        this.#store.platform.logger('error', 'outbox_drain_failed', { destination: name, ...errorFields(error) });
      });
    this.#delivering.set(name, work);
    return work;
  }

  /**
   * Starts the due deliveries. The alarm does not wait for them, because a hanging destination must not delay the next
   * local deadline. The next attempt is scheduled first, so that a delivery that dies with its process is repeated.
   */
  startDue(): void {
    const { platform } = this.#store;
    const now = platform.now();
    const again = this.#failing.all().filter(({ next_at }) => next_at <= now);
    const begun = [...this.#rows.takeDue(now)].filter((name) => !this.#failingRow(name));
    for (const name of [...again.map((row) => row.name), ...begun]) {
      // Entries of a destination that is no longer configured stay stored, without an alarm.
      if (!this.#destinationOf(name)) this.#failing.remove(name);
      else {
        this.#failing.put({ name, failures: this.#failures(name), next_at: now + 2 * DELIVERY_MS });
        this.#store.afterCommit(() => platform.background(this.#drain(name)));
      }
    }
    this.#store.dueChanged();
  }

  /** What is not delivered, and when each failing destination is tried again. It writes nothing. */
  undelivered(): (Backlog & { next_at: number | null })[] {
    return this.#rows.backlog().map((row) => ({ ...row, next_at: this.#failingRow(row.destination)?.next_at ?? null }));
  }

  /** Skips a failing destination, because its next attempt includes the entry. */
  #drainUnlessFailing(name: string): Promise<void> {
    return this.#failures(name) > 0 ? this.settled(name) : this.#drain(name);
  }

  /** Ends in the step in which it finds no more entries, so that an entry that is added meanwhile is not missed. */
  async #deliverAll(name: string, destination: Destination): Promise<void> {
    try {
      for (;;) {
        const entries = this.#rows.waitingFor(name).slice(0, ENTRIES_AT_A_TIME);
        if (entries.length === 0) return this.#settle(name);
        let delivered = 0;
        for (const entry of entries) {
          const outcome = await this.#deliverOne(destination, entry);
          if (outcome === 'delivered') delivered++;
          else if (outcome !== 'rejected') return this.#backOff(name, outcome.error, delivered > 0);
        }
        if (delivered === 0) return this.#backOff(name, new Rejected('The destination rejected every entry.'), false);
      }
    } finally {
      this.#delivering.delete(name);
    }
  }

  async #deliverOne(destination: Destination, entry: Entry): Promise<'delivered' | 'rejected' | { error: unknown }> {
    const { name } = destination;
    try {
      await withDeadline(name, DELIVERY_MS, (signal) => destination.deliver(entry.key, entry.payload, signal));
    } catch (error) {
      if (!(error instanceof Rejected)) {
        this.#rows.failed(entry);
        return { error };
      }
      this.#reject(entry, error);
      return 'rejected';
    }
    this.#rows.done(entry);
    return 'delivered';
  }

  /** Writes the transaction's entries, and starts their deliveries in the order of the destinations. */
  readonly #write = (): void => {
    const { platform } = this.#store;
    const entries = [...this.#added.values()];
    const used = [...new Set(entries.map(({ destination }) => destination))];
    const names = [...this.#destinations.keys()].flatMap((kind) => used.filter((name) => kindOf(name) === kind));
    const allFail = names.every((name) => this.#failures(name) > 0);
    this.#rows.insert(entries, allFail ? null : platform.now() + BACKSTOP_MS);
    this.#store.dueChanged();
    this.#store.afterCommit(() => {
      if (this.#committed.size === 0) platform.background(nextTurn().then(() => this.#startCommitted()));
      for (const name of names) this.#committed.add(name);
    });
  };

  /** Deliveries start after the answers to a frame or a call were sent, unless the call waits for them. */
  #startCommitted(): void {
    const names = [...this.#committed];
    this.#committed.clear();
    for (const name of names) this.#store.platform.background(this.#drainUnlessFailing(name));
  }

  #destinationOf(name: string): Destination | undefined {
    return this.#destinations.get(kindOf(name));
  }

  #earliest(): number | null {
    const times = [this.#rows.earliest(), ...this.#failing.all().map(({ next_at }) => next_at)];
    return times.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a), null);
  }

  /** Clears the failure state of a destination that has no waiting entries. */
  #settle(name: string): void {
    if (!this.#failingRow(name)) return;
    this.#store.transact(() => {
      this.#failing.remove(name);
      this.#store.dueChanged();
    });
  }

  /** @param progressed whether any entry was delivered, which resets the backoff */
  #backOff(name: string, error: unknown, progressed: boolean): void {
    const { platform } = this.#store;
    this.#store.transact(() => {
      const failures = (progressed ? 0 : this.#failures(name)) + 1;
      const longest = this.#destinationOf(name)?.retry_ms_max ?? RETRY_MS_MAX;
      const pause = Math.min(longest, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20));
      // Half of the pause is random, so that many objects do not retry the same database together.
      const next = platform.now() + Math.round(pause * (0.5 + platform.random() / 2));
      this.#failing.put({ name, failures, next_at: next });
      this.#rows.holdWhere((waiting) => waiting.every(({ destination }) => this.#failingRow(destination)));
      this.#store.dueChanged();
      if (failures === 1) platform.logger('warn', 'outbox_unavailable', { destination: name, ...errorFields(error) });
    });
  }

  #reject(entry: Entry, error: Rejected): void {
    const { platform } = this.#store;
    entry.rejections++;
    entry.last_error = error.message.slice(0, 500);
    const parked = entry.rejections >= PARK_AFTER_REJECTIONS;
    if (parked) entry.parked_at = platform.now();
    this.#store.transact(() => {
      this.#rows.rewrite(entry);
      this.#store.dueChanged();
    });
    if (!parked && entry.rejections > 1) return;
    const fields = { destination: entry.destination, key: entry.key, ...errorFields(error) };
    platform.logger('error', parked ? 'outbox_parked' : 'outbox_rejected', fields);
  }

  /** Reads all rows at once, because most destinations have none. */
  #failingRow(name: string): DestinationRow | undefined {
    return this.#failing.all().find((row) => row.name === name);
  }

  #failures(name: string): number {
    return this.#failingRow(name)?.failures ?? 0;
  }
}

/** The configured destination of a name, without the place. */
function kindOf(name: string): string {
  return name.split(':', 1)[0]!;
}
