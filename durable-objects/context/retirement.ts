import type { ContextArchive } from '../../src/ports/context-archive.ts';
import { errorFields } from '../../src/ports/logger.ts';
import { type Outcome, refuse } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { DeadlineHandler } from '../kit/deadlines.ts';
import { withDeadline } from '../kit/delivery/outbound.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import type { Archiving } from './archiving.ts';
import type { Journal, Shown } from './journal.ts';
import type { ContextPorts } from './ports.ts';
import type { ContextRecords } from './records.ts';
import type { Secrets } from './secrets.ts';

const HOUR_MS = 3_600_000;
/** How long a context of each scope stays at its home without being used; of a session, after the session has ended. */
const IDLE_MS = { temporary: HOUR_MS, session: 24 * HOUR_MS, agent: 7 * 24 * HOUR_MS, global: null } as const;
/** The deadline has an eighth of that time to spare, so that uses that follow each other closely do not move it. */
const SLACK = 9 / 8;
/** How often the home of a session's context asks whether the session has ended. */
const ASK_MS = 6 * HOUR_MS;
const IDLE = 'idle';
const RETIRE = 'retire';
const ASK = 'session_end';
const RETRY_MS_MAX = HOUR_MS;
const POSTGRES_MS = 5_000;
/** So many reads of a retired context, while its object is in memory, bring it back to its home. */
const FREQUENT_READS = 3;
const AWAY = refuse('unavailable', 'The context is in Postgres, which does not answer now.', {
  retry_after_seconds: 10,
});

/** What Postgres has of a retired context. */
interface StoredHistory {
  version: number;
  history: string;
}

interface Parts {
  kit: ObjectKit;
  records: ContextRecords;
  journal: Journal;
  secrets: Secrets;
  archiving: Archiving;
  /** Deletes the context. Part of a transaction. */
  remove(): void;
  /** Takes the copy from readers. Part of a transaction. */
  blank(version: number): void;
}

/**
 * Moves an idle context to Postgres, and back when it is used. The object keeps the row of the context with its last
 * version, so that it stays the only writer, and knows which version Postgres must have. The data leaves the object only
 * in a transaction that finds the very version that Postgres has confirmed.
 */
export class Retirement {
  readonly #workspace: WorkspaceId;
  readonly #ports: ContextPorts;
  readonly #parts: Parts;
  #lastUsedAt = 0;
  #coldReads = 0;
  #asked: Promise<StoredHistory | null> | null = null;

  constructor(workspace: WorkspaceId, ports: ContextPorts, parts: Parts) {
    this.#workspace = workspace;
    this.#ports = ports;
    this.#parts = parts;
  }

  get deadlines(): Readonly<Record<string, DeadlineHandler>> {
    return { [IDLE]: { waitsFor: 'time', run: () => this.#judge() } };
  }

  /** The context has a new version. Part of its transaction. Only the first one after a judgement writes. */
  changed(): void {
    const idle = this.#idleMs();
    if (idle !== null) this.#parts.kit.deadlines.setIfUnset(IDLE, this.#now + idle * SLACK);
  }

  /** The context was deleted. Part of its transaction. */
  removed(): void {
    this.#parts.kit.deadlines.clear(IDLE);
  }

  /** Runs a step on the context at its home. A retired one is brought back in the same transaction. */
  async live<T>(step: () => Outcome<T>): Promise<Outcome<T>> {
    const { kit, records } = this.#parts;
    this.used();
    if (!records.isRetired) return step();
    const { id, retired_version } = records.get();
    this.#asked ??= this.#ask((archive, signal) => archive.history(this.#workspace, id, signal)).finally(() => {
      this.#asked = null;
    });
    const stored = await this.#asked;
    // Another step may have brought it back meanwhile.
    if (!records.isRetired) return step();
    if (!stored || stored.version !== retired_version) return AWAY;
    return kit.store.transact(() => {
      this.#warm(stored);
      return step();
    });
  }

  /** Reads the newest version, from Postgres if the context is retired and seldom read. */
  async newest<T>(read: (cold?: Shown) => Outcome<T>): Promise<Outcome<T>> {
    const { records } = this.#parts;
    if (!records.isRetired || ++this.#coldReads >= FREQUENT_READS) return this.live(() => read());
    const { id, retired_version } = records.get();
    const stored = await this.#ask((archive, signal) => archive.read(this.#workspace, id, signal));
    // It may have been brought back, and changed, meanwhile.
    if (!records.isRetired) return read();
    if (!stored || stored.version !== retired_version) return AWAY;
    const { version, updated_at, updated_by, data } = stored;
    return read({ version, at: Date.parse(updated_at), by: updated_by, data: JSON.parse(data) });
  }

  /** The context is used. The stored deadline must know it, because memory does not outlive an eviction. */
  used(): void {
    const { kit, records } = this.#parts;
    if (!records.isLive) return;
    this.#lastUsedAt = this.#now;
    const [idle, due] = [this.#idleMs(), kit.deadlines.dueAt(IDLE)];
    if (idle === null || due === null || due - this.#now >= idle) return;
    kit.store.transact(() => kit.deadlines.set(IDLE, this.#now + idle * SLACK));
  }

  /** How long the context stays without being used; null if it never retires. */
  #idleMs(): number | null {
    const { scope } = this.#parts.records.get();
    return scope === 'temporary' || this.#ports.archive ? IDLE_MS[scope] : null;
  }

  get #now(): number {
    return this.#parts.kit.store.platform.now();
  }

  /** Part of a transaction. */
  #warm({ version, history }: StoredHistory): void {
    const { kit, records, journal } = this.#parts;
    records.warmed(journal.restore(history));
    this.changed();
    this.#coldReads = 0;
    kit.store.afterCommit(() => kit.store.platform.logger('info', 'context_warmed', { version }));
  }

  /** @returns what Postgres has; null if it does not answer, or has not what it confirmed */
  async #ask<T extends { version: number }>(
    ask: (archive: ContextArchive, signal: AbortSignal) => Promise<T | null>,
  ): Promise<T | null> {
    const { archive } = this.#ports;
    const { logger } = this.#parts.kit.store.platform;
    if (!archive) return null;
    try {
      const stored = await withDeadline('postgres', POSTGRES_MS, (signal) => ask(archive, signal));
      const { retired_version } = this.#parts.records.get();
      if (retired_version !== null && stored?.version !== retired_version)
        logger('error', 'context_missing', { expected: retired_version, version: stored?.version ?? null });
      return stored;
    } catch (error) {
      logger('warn', 'context_cold_unavailable', errorFields(error));
      return null;
    }
  }

  /** The time at which the context has been idle for long enough, as far as its uses say. */
  #dueAt(): number {
    const { records, journal } = this.#parts;
    return Math.max(journal.head.at, this.#lastUsedAt) + (IDLE_MS[records.get().scope] ?? 0);
  }

  #isIdle(): boolean {
    return this.#dueAt() <= this.#now && !this.#isWatched;
  }

  /** Somebody who watches uses the context all the time. */
  get #isWatched(): boolean {
    return this.#parts.kit.store.platform.sockets().length > 0;
  }

  /** What becomes of a context whose deadline is due. Part of a transaction. */
  #judge(): void {
    const { kit, records } = this.#parts;
    if (!records.isLive) return;
    const { scope } = records.get();
    if (this.#isWatched) this.#lastUsedAt = this.#now;
    if (!this.#isIdle()) this.#later(this.#dueAt());
    else if (scope === 'temporary') this.#parts.remove();
    // Secrets stay at the home.
    else if (this.#parts.secrets.any) return;
    else if (scope === 'session') kit.outbox.put(ASK, records.get().id, {});
    else kit.outbox.put(RETIRE, records.get().id, {});
  }

  /** Judges again at this time, or in an hour if it has passed. Part of a transaction. */
  #later(at: number): void {
    const { deadlines, store } = this.#parts.kit;
    const now = store.platform.now();
    deadlines.set(IDLE, at > now ? at : now + HOUR_MS);
  }

  /** Asks the session whether it has ended. A lost answer is asked for again, by the outbox. */
  async #askSession(signal: AbortSignal): Promise<void> {
    const { kit, records } = this.#parts;
    if (!records.isLive) return;
    const { id, session_id } = records.get();
    const ended = await this.#ports.sessionEnd(session_id!, signal);
    const now = kit.store.platform.now();
    kit.store.transact(() => {
      if (!records.isLive) return;
      const due = ended === null ? now + ASK_MS : Math.max(ended + IDLE_MS.session, this.#dueAt());
      if (due > now) this.#later(due);
      else kit.outbox.put(RETIRE, id, {});
    });
  }

  async #retire(archive: ContextArchive, signal: AbortSignal): Promise<void> {
    const { kit, records, journal, secrets, archiving } = this.#parts;
    if (!records.isLive) return;
    const record = this.#isIdle() && !secrets.any ? archiving.retired() : null;
    const isStored = record !== null && (await archive.put(record, signal));
    kit.store.transact(() => {
      if (!records.isLive) return;
      if (!isStored || journal.head.version !== record.version || !this.#isIdle()) return this.#later(this.#dueAt());
      records.retired(record.version);
      journal.forget();
      archiving.isTold();
      kit.deadlines.clear(IDLE);
      this.#parts.blank(record.version);
      kit.store.platform.logger('info', 'context_retired', { version: record.version });
    });
  }

  /** The destinations of the outbox. */
  static destinations({ archive }: ContextPorts, retirement: () => Retirement): Destination[] {
    if (!archive) return [];
    return [
      {
        name: ASK,
        retry_ms_max: RETRY_MS_MAX,
        deliver: (_key, _payload, signal) => retirement().#askSession(signal),
      },
      {
        name: RETIRE,
        retry_ms_max: RETRY_MS_MAX,
        deliver: (_key, _payload, signal) => retirement().#retire(archive, signal),
      },
    ];
  }
}
