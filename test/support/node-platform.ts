import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { ObjectPlatform, ObjectSocket, SqlRow, SqlValue } from '../../durable-objects/kit/platform/platform.ts';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import type { Logger } from '../../src/ports/logger.ts';
import { type FakeClient, FakeSocket, type SocketEvents } from './fake-socket.ts';
import { nextRandom } from './seeded-random.ts';

/** The error that `failAt` throws. */
export class InjectedFault extends Error {
  constructor() {
    super('injected fault');
    this.name = 'InjectedFault';
  }
}

/** The platform's limit for one statement. */
const BINDINGS_MAX = 100;

/**
 * A platform for an object in a Node process: SQLite in memory (or in a file), a clock and randomness that the test
 * controls, one alarm, and fake sockets. The runtime on it is the real one. A second runtime on the same platform is
 * the object after an eviction.
 *
 * It is stricter than the real platform: a write outside a transaction throws, and so does an alarm at or before now.
 */
export class NodePlatform implements ObjectPlatform {
  /** The current time in ms. The test may set it; `advance` also runs alarms. */
  clock: number;
  /** The time of the alarm; null if none is set. */
  alarm: number | null = null;
  /** The transactions that were committed. */
  commits = 0;
  /** The handler for frames and closes of the fake sockets. Set it to the runtime. */
  events: SocketEvents | null = null;
  logger: Logger = consoleLogger('warn');

  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #sockets = new Set<FakeSocket>();
  readonly #socketsByTag = new Map<string, Set<FakeSocket>>();
  readonly #background = new Set<Promise<void>>();
  #seed: number;
  #inTransaction = false;
  #stepsToFault = Number.POSITIVE_INFINITY;

  /** @param sql creates the storage of an existing object */
  constructor({ path = ':memory:', now = Date.UTC(2026, 0, 1), seed = 1, sql = '' } = {}) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(sql);
    this.clock = now;
    this.#seed = seed;
  }

  // --- ObjectPlatform

  exec(query: string, bindings: SqlValue[]): SqlRow[] {
    if (this.#inTransaction) this.#step();
    else if (!/^\s*(SELECT|WITH)\b/i.test(query)) throw new Error(`a write outside a transaction: ${query}`);
    if (bindings.length > BINDINGS_MAX) throw new RangeError(`${bindings.length} bound values`);
    const statement = this.#statements.get(query) ?? this.#db.prepare(query);
    this.#statements.set(query, statement);
    return statement.all(...bindings).map((row) => ({ ...row })) as SqlRow[];
  }

  transaction<T>(body: () => T): T {
    if (this.#inTransaction) throw new Error('transactions do not nest');
    const { alarm } = this;
    this.#db.exec('BEGIN');
    this.#inTransaction = true;
    try {
      const value = body();
      this.#step();
      this.#db.exec('COMMIT');
      this.commits++;
      return value;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      this.alarm = alarm;
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  setAlarm(at: number | null): void {
    if (!this.#inTransaction) throw new Error('an alarm set outside a transaction');
    if (at !== null && at <= this.clock) throw new Error(`an alarm set to ${this.clock - at} ms before now`);
    this.#step();
    this.alarm = at;
  }

  now(): number {
    return this.clock;
  }

  random(): number {
    const { value, state } = nextRandom(this.#seed);
    this.#seed = state;
    return value;
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => Math.floor(this.random() * 16).toString(16)).join('');
    const variant = '89ab'[Math.floor(this.random() * 4)];
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  background(work: Promise<void>): void {
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  sockets(tag?: string): ObjectSocket[] {
    return [...(tag === undefined ? this.#sockets : (this.#socketsByTag.get(tag) ?? []))];
  }

  // --- For tests

  /** Opens a socket to the object, as the shell's `acceptSocket` would. */
  connect(tags: readonly string[], attachment: unknown): FakeClient {
    const socket = new FakeSocket(
      tags,
      () => this.clock,
      () => this.events,
      (gone) => {
        this.#sockets.delete(gone);
        for (const tag of gone.tags) this.#socketsByTag.get(tag)?.delete(gone);
      },
    );
    socket.attach(attachment);
    this.#sockets.add(socket);
    for (const tag of tags) this.#socketsByTag.set(tag, (this.#socketsByTag.get(tag) ?? new Set()).add(socket));
    return socket.client;
  }

  /** Ends the object's process: nothing waits for its background work any longer. */
  evict(): void {
    this.#background.clear();
  }

  /** Waits until no background work is running. */
  async settle(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  /**
   * Advances the clock by `ms`. Each time the alarm is due, the clock stops, `fire` (the runtime's `alarm`) is called,
   * and background work settles before the clock continues.
   */
  async advance(ms: number, fire: () => void): Promise<void> {
    const end = this.clock + ms;
    while (this.alarm !== null && this.alarm <= end) {
      this.clock = Math.max(this.clock, this.alarm);
      this.fireAlarm(fire);
      await this.settle();
    }
    this.clock = end;
  }

  /** Runs `fire` as the platform runs `alarm()`: while it runs, only an alarm that it sets itself is set. */
  fireAlarm(fire: () => void): void {
    this.alarm = null;
    fire();
  }

  /** All tables with all their rows, and the alarm. */
  dump(): Record<string, unknown> {
    const tables = this.#db
      .prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name`)
      .all();
    const rows = tables.map(({ name }) => [
      name,
      this.#db
        .prepare(`SELECT * FROM "${name}"`)
        .all()
        .map((row) => ({ ...row })),
    ]);
    return { ...Object.fromEntries(rows), $alarm: this.alarm };
  }

  /**
   * Makes the n-th step from now throw once, before it takes effect. Steps are the statements inside a transaction,
   * setting the alarm, and the commit. `Infinity` removes the fault.
   */
  failAt(n: number): void {
    this.#stepsToFault = n;
  }

  /** Whether the fault of `failAt` has not been thrown yet. */
  get faultPending(): boolean {
    return this.#stepsToFault !== Number.POSITIVE_INFINITY;
  }

  /** The state of the randomness, which a test can restore. */
  get seed(): number {
    return this.#seed;
  }

  set seed(value: number) {
    this.#seed = value;
  }

  close(): void {
    this.#db.close();
  }

  #step(): void {
    if (--this.#stepsToFault > 0) return;
    this.#stepsToFault = Number.POSITIVE_INFINITY;
    throw new InjectedFault();
  }
}
