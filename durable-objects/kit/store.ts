import { errorFields } from '../../src/ports/logger.ts';
import { MAX_STORED_BYTES, utf8Length } from '../../src/protocol/common/limits.ts';
import { migrate, schemaState } from './migrations.ts';
import type { ObjectPlatform, SqlRow, SqlValue } from './platform.ts';
import type { ObjectSchema } from './schema.ts';

/** How a transaction stands: what a part keeps in memory of one that failed is not so. */
export interface Transaction {
  readonly outcome: 'under way' | 'committed' | 'failed';
}

/**
 * An object's storage: typed statements, one kind of transaction, one alarm.
 *
 * **Every mutation is one `transact`**: rows, outbox, deadlines and the alarm commit together or not at all. Nothing is
 * sent and no memory changes inside; what is to follow a commit is handed to `afterCommit`.
 */
export class ObjectStore {
  readonly platform: ObjectPlatform;
  readonly #schema: ObjectSchema;
  #created: boolean;
  #transaction: { outcome: Transaction['outcome'] } | null = null;
  /** The alarm that is set; undefined when that is not known. */
  #armedAt: number | null | undefined;
  #dueChanged = false;
  /** The present transaction has run a statement that is no read. */
  #hasWritten = false;
  /** Run at the end of the transaction, inside it. */
  readonly #finishers = new Set<() => void>();
  readonly #afterWrites: (() => void)[] = [];
  #followers: (() => void)[] = [];

  constructor(platform: ObjectPlatform, schema: ObjectSchema) {
    this.platform = platform;
    this.#schema = schema;
    const state = schemaState(platform, schema);
    this.#created = state !== 'absent';
    if (state === 'behind') this.#commit(() => migrate(platform, schema));
    // A local workerd keeps alarms apart from the rows. A process that was killed between the two has lost the alarm:
    // it is set again when the object wakes.
    else if (this.#created && this.#earliest() !== null) this.#commit(() => {});
  }

  /** Whether the object has its tables. Reading from one that has not is a bug. */
  get created(): boolean {
    return this.#created;
  }

  rows<T = SqlRow>(query: string, ...bindings: SqlValue[]): T[] {
    for (const value of bindings) assertStorable(value);
    if (!this.#hasWritten) this.#hasWritten = !READS.test(query);
    return this.platform.exec(query, bindings) as T[];
  }

  row<T = SqlRow>(query: string, ...bindings: SqlValue[]): T | undefined {
    return this.rows<T>(query, ...bindings)[0];
  }

  /** Runs `body` as one durable step; joins the transaction that is under way. */
  transact<T>(body: () => T): T {
    if (this.#transaction) return body();
    if (!this.#created) throw new Error('the object has not been created');
    return this.#commit(body);
  }

  /** `transact` for the step that makes the object: tables first. */
  create<T>(body: () => T): T {
    if (this.#created) return this.transact(body);
    return this.#commit(() => {
      migrate(this.platform, this.#schema);
      return body();
    });
  }

  /**
   * Runs `finisher` at the end of the present transaction, inside it: what the transaction has collected is written at
   * once. It runs once, however often it is added; forgotten when the transaction fails.
   */
  beforeCommit(finisher: () => void): Transaction {
    if (!this.#transaction) throw new Error('no transaction is under way');
    this.#finishers.add(finisher);
    return this.#transaction;
  }

  /**
   * Runs `finisher` as the last step of every transaction that writes, inside it. A transaction that writes nothing stays
   * one: a refused call costs no commit.
   */
  beforeEachCommit(finisher: () => void): void {
    this.#afterWrites.push(finisher);
  }

  /**
   * Whether `finisher` waits for the end of the present transaction. False means: what it collects is of another one.
   */
  willFinish(finisher: () => void): boolean {
    return this.#finishers.has(finisher);
  }

  /** Runs `follower` once the present transaction has committed; forgotten when it does not. */
  afterCommit(follower: () => void): void {
    if (this.#transaction) this.#followers.push(follower);
    else follower();
  }

  /** To be called in a transaction that changes what is due, a deadline or a delivery: the alarm follows it. */
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
          // A later finisher may give an earlier one more to write: it is then added again, and runs again.
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
    }
    const followers = this.#followers;
    this.#followers = [];
    // What has committed has happened: a follower that throws is a bug to be seen, not a failure of the mutation.
    for (const follower of followers) {
      try {
        follower();
      } catch (error) {
        this.platform.logger('error', 'after_commit_failed', errorFields(error));
      }
    }
    return value;
  }

  /** To be called when the alarm has fired: there is none until the next commit. */
  alarmFired(): void {
    this.#armedAt = undefined;
  }

  /** Sets the alarm to the earliest deadline or delivery; writes only when that has changed. */
  #arm(): void {
    if (!this.#dueChanged && this.#armedAt !== undefined) return;
    const due = this.#earliest();
    if (due === this.#armedAt) return;
    this.platform.setAlarm(due);
    this.#armedAt = due;
  }

  #earliest(): number | null {
    const row = this.row<{ due: number | null }>(
      `SELECT MIN(due) AS due FROM (
         SELECT MIN(due_at) AS due FROM deadlines
         UNION ALL SELECT MIN(next_at) FROM destinations
         UNION ALL SELECT MIN(due_at) FROM outbox WHERE destination NOT IN (SELECT name FROM destinations)
       )`,
    );
    return row?.due ?? null;
  }
}

const READS = /^\s*(SELECT|WITH)\b/;

/** A local workerd stores more than the platform does: refuse here what production would refuse. */
function assertStorable(value: SqlValue): void {
  if (typeof value !== 'string' || value.length * 3 <= MAX_STORED_BYTES) return;
  const bytes = utf8Length(value);
  if (bytes > MAX_STORED_BYTES) throw new RangeError(`a stored value of ${bytes} bytes is over ${MAX_STORED_BYTES}`);
}
