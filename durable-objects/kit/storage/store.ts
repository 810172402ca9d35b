import { errorFields } from '../../../src/ports/logger.ts';
import { exceedsBytes, MAX_STORED_BYTES, utf8Length } from '../../../src/protocol/common/limits.ts';
import type { ObjectPlatform, SqlRow, SqlValue } from '../platform/platform.ts';
import { migrate, schemaState } from './migrations.ts';
import type { ObjectSchema } from './schema.ts';

/** The state of a transaction. If it has failed, values that were cached in it are invalid. */
export interface Transaction {
  readonly outcome: 'under way' | 'committed' | 'failed';
}

/**
 * An object's storage: typed statements, one kind of transaction, one alarm.
 *
 * **Every mutation is one `transact`**: rows, outbox, deadlines and the alarm commit together or not at all. Code
 * inside a transaction sends nothing, and passes work that must follow the commit to `afterCommit`.
 */
export class ObjectStore {
  readonly platform: ObjectPlatform;
  readonly #schema: ObjectSchema;
  #created: boolean;
  #transaction: { outcome: Transaction['outcome'] } | null = null;
  /** The current alarm; undefined if it is not known. */
  #armedAt: number | null | undefined;
  #dueChanged = false;
  /** Whether the current transaction has run a statement that writes. */
  #hasWritten = false;
  #revision = 0;
  /** Functions to run at the end of the transaction, inside it. */
  readonly #finishers = new Set<() => void>();
  readonly #afterWrites: (() => void)[] = [];
  readonly #dueSources: (() => number | null)[] = [];
  #followers: (() => void)[] = [];

  constructor(platform: ObjectPlatform, schema: ObjectSchema) {
    this.platform = platform;
    this.#schema = schema;
    this.#created = schemaState(platform, schema) !== 'absent';
  }

  /**
   * Upgrades the tables of an older object, and sets the alarm again. A local workerd stores alarms apart from rows, so
   * a process that is killed between the two writes loses the alarm. Call this when the object wakes, after all sources
   * of due times were added.
   */
  wake(): void {
    const isBehind = this.#created && schemaState(this.platform, this.#schema) === 'behind';
    if (isBehind) this.#commit(() => migrate(this.platform, this.#schema));
    else if (this.#created && this.#earliest() !== null) this.#commit(() => {});
  }

  /** Adds a source of due times. The alarm is set to the earliest time that a source returns; null means none. */
  addDueSource(earliest: () => number | null): void {
    this.#dueSources.push(earliest);
  }

  /** Whether the object has its tables. Reading without them is a bug. */
  get created(): boolean {
    return this.#created;
  }

  /** The transaction that is under way; null between transactions. What is read in it may be undone with it. */
  get transaction(): Transaction | null {
    return this.#transaction;
  }

  /** The transaction that is under way. @throws Error between transactions */
  get currentTransaction(): Transaction {
    if (!this.#transaction) throw new Error('this must run inside a transaction');
    return this.#transaction;
  }

  /** Grows with each transaction, so that rows that were read at the same revision are still the same. */
  get revision(): number {
    return this.#revision;
  }

  rows<T = SqlRow>(query: string, ...bindings: SqlValue[]): T[] {
    for (const value of bindings) assertStorable(value);
    if (!this.#hasWritten) this.#hasWritten = !READS.test(query);
    return this.platform.exec(query, bindings) as T[];
  }

  row<T = SqlRow>(query: string, ...bindings: SqlValue[]): T | undefined {
    return this.rows<T>(query, ...bindings)[0];
  }

  /** Runs `body` in one transaction. Inside a transaction, it joins that one. */
  transact<T>(body: () => T): T {
    if (this.#transaction) return body();
    if (!this.#created) throw new Error('the object has no tables; call `create` first');
    return this.#commit(body);
  }

  /** Like `transact`, but creates the tables first if they are missing. */
  create<T>(body: () => T): T {
    if (this.#created) return this.transact(body);
    return this.#commit(() => {
      migrate(this.platform, this.#schema);
      return body();
    });
  }

  /**
   * Runs `finisher` once at the end of the current transaction, inside it, so that collected changes are written
   * together. Adding it several times has no further effect. It is discarded if the transaction fails.
   */
  beforeCommit(finisher: () => void): Transaction {
    const transaction = this.currentTransaction;
    this.#finishers.add(finisher);
    return transaction;
  }

  /**
   * Runs `finisher` as the last step of every transaction that writes, inside it. A transaction without writes, such as
   * a rejected call, stays without writes and costs no commit.
   */
  beforeEachCommit(finisher: () => void): void {
    this.#afterWrites.push(finisher);
  }

  /**
   * Whether `finisher` will run at the end of the current transaction. If not, its collected changes belong to an
   * earlier transaction.
   */
  willFinish(finisher: () => void): boolean {
    return this.#finishers.has(finisher);
  }

  /** Runs `follower` after the current transaction has committed; discards it if the transaction fails. */
  afterCommit(follower: () => void): void {
    if (this.#transaction) this.#followers.push(follower);
    else follower();
  }

  /** Call this in a transaction that changes a deadline or a delivery, so that the alarm is updated. */
  dueChanged(): void {
    this.#dueChanged = true;
  }

  #commit<T>(body: () => T): T {
    const transaction: { outcome: Transaction['outcome'] } = { outcome: 'under way' };
    this.#transaction = transaction;
    this.#dueChanged = false;
    this.#hasWritten = false;
    const armed = this.#armedAt;
    let value: T;
    try {
      value = this.platform.transaction(() => {
        const result = body();
        for (const finisher of this.#finishers) {
          // A later finisher may add work for an earlier one, which is then added again and runs again.
          this.#finishers.delete(finisher);
          finisher();
        }
        if (this.#hasWritten || this.#dueChanged) for (const finisher of this.#afterWrites) finisher();
        this.#arm();
        return result;
      });
      this.#created = true;
      transaction.outcome = 'committed';
    } catch (error) {
      transaction.outcome = 'failed';
      this.#finishers.clear();
      this.#followers = [];
      this.#armedAt = armed;
      throw error;
    } finally {
      this.#transaction = null;
      this.#revision++;
    }
    const followers = this.#followers;
    this.#followers = [];
    // The commit has succeeded, so a follower that throws must not fail the mutation.
    for (const follower of followers) {
      try {
        follower();
      } catch (error) {
        this.platform.logger('error', 'after_commit_failed', errorFields(error));
      }
    }
    return value;
  }

  /** Call this when the alarm has fired, so that the next commit sets it again. */
  alarmFired(): void {
    this.#armedAt = undefined;
  }

  /**
   * Sets the alarm to the earliest due time, if that has changed. Setting the alarm writes a row, so an alarm that
   * fires soon is not moved to a later time. When it fires, it is set once for all changes.
   *
   * The alarm is always set to a later time than now, because the platform may keep an alarm that `alarm()` sets to a
   * time in the past, and not fire it. For the same reason, an alarm whose time has passed is set again.
   */
  #arm(): void {
    const now = this.platform.now();
    const armed = this.#armedAt;
    const mayHavePassed = armed === undefined || (armed !== null && armed <= now);
    if (!this.#dueChanged && !mayHavePassed) return;
    const earliest = this.#earliest();
    const due = earliest === null ? null : Math.max(earliest, now + 1);
    if (!mayHavePassed && (due === armed || firesSoonBefore(armed, due, now))) return;
    this.platform.setAlarm(due);
    this.#armedAt = due;
  }

  #earliest(): number | null {
    const times = this.#dueSources.map((earliest) => earliest()).filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }
}

/** An alarm within this time is not moved. The object is in memory until then, so the alarm wakes nothing. */
const SOON_MS = 5_000;

function firesSoonBefore(armed: number | null, due: number | null, now: number): boolean {
  return armed !== null && (due === null || due > armed) && armed <= now + SOON_MS;
}

const READS = /^\s*(SELECT|WITH)\b/;

/** Rejects values above Cloudflare's limit. A local workerd would store them. */
function assertStorable(value: SqlValue): void {
  if (typeof value === 'string' && exceedsBytes(value, MAX_STORED_BYTES)) {
    throw new RangeError(`a stored value has ${utf8Length(value)} bytes; the limit is ${MAX_STORED_BYTES}`);
  }
}
