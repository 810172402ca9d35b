import { COPY_TTL_MS, type ContextCopies, type ContextCopy } from '../../src/ports/context-copies.ts';
import { errorFields } from '../../src/ports/logger.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { Context } from '../../src/protocol/context/context.ts';
import { nextTurn, waitAtMost, withDeadline } from '../kit/delivery/outbound.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import type { Journal } from './journal.ts';
import type { ContextRecords } from './records.ts';

const DESTINATION = 'copies';
const COPY_MS = 2_000;
/** A copy that was set longer ago may vanish soon. */
const TRUSTED_MS = COPY_TTL_MS / 2;
/** How long a deletion or a new secret waits for Redis before it is acknowledged. */
const BLANK_WAIT_MS = 500;
const RETRY_MS_MAX = 5_000;

/** An entry of the outbox: a copy that must be taken from readers. */
interface Blank {
  copy: ContextCopy;
  /** When the last copy has vanished by itself. */
  until: number;
}

/** The destination of the outbox. It tries until the copy has vanished by itself. */
export function copyDestination(copies: ContextCopies, workspace: WorkspaceId, now: () => number): Destination {
  return {
    name: DESTINATION,
    retry_ms_max: RETRY_MS_MAX,
    async deliver(id, payload, signal) {
      const { copy, until } = payload as Blank;
      if (now() < until) await copies.set(workspace, id, copy, signal);
    },
  };
}

interface Parts {
  kit: ObjectKit;
  records: ContextRecords;
  journal: Journal;
  /** What a copy of the newest version shows; null if there shall be none. */
  view(): Context | null;
}

/**
 * Sets the copy in Redis after each commit. It costs no row: a copy that could not be set is set by a later read or
 * change, and vanishes at the latest after its TTL. Changes while a copy is on its way are one copy more.
 */
export class Copying {
  readonly #workspace: WorkspaceId;
  readonly #copies: ContextCopies | null;
  readonly #kit: ObjectKit;
  readonly #records: ContextRecords;
  readonly #journal: Journal;
  readonly #view: () => Context | null;
  #running = false;
  /** Whether a commit has taken a copy from readers, and no answer has waited for it. */
  #isBlanking = false;
  /** What Redis has, as far as this process knows. */
  #held = { version: 0, at: 0 };

  constructor(workspace: WorkspaceId, copies: ContextCopies | null, { kit, records, journal, view }: Parts) {
    this.#workspace = workspace;
    this.#copies = copies;
    this.#kit = kit;
    this.#records = records;
    this.#journal = journal;
    this.#view = view;
  }

  /** The context has another version, or was read at its home: sets the copy, if there is not a fresh one. */
  freshen(): void {
    const { store } = this.#kit;
    if (this.#copies) store.afterCommit(() => this.#start(this.#copies!));
  }

  /** Takes the copy of a version from readers. Part of the transaction for whose sake nobody shall get it. */
  blank(version: number): void {
    if (!this.#copies) return;
    const { outbox, store } = this.#kit;
    const { id, scope } = this.#records.get();
    if (scope === 'global') return;
    // A copy that is on its way is set within its time limit.
    const until = store.platform.now() + COPY_MS + COPY_TTL_MS;
    outbox.put(DESTINATION, id, { copy: { version, text: null }, until } satisfies Blank);
    store.afterCommit(() => {
      this.#isBlanking = true;
    });
  }

  /** Waits for a while until Redis has heard that a copy was taken from readers. */
  async blanked(): Promise<void> {
    if (!this.#isBlanking) return;
    this.#isBlanking = false;
    await waitAtMost(BLANK_WAIT_MS, this.#kit.outbox.settled(DESTINATION));
  }

  #start(copies: ContextCopies): void {
    if (this.#running || !this.#isStale()) return;
    this.#running = true;
    this.#kit.store.platform.background(this.#copy(copies));
  }

  #isStale(): boolean {
    if (!this.#records.isLive || this.#records.get().scope === 'global') return false;
    const { version, at } = this.#held;
    return this.#journal.head.version > version || this.#kit.store.platform.now() - at > TRUSTED_MS;
  }

  /** Ends in the step in which it finds nothing newer. */
  async #copy(copies: ContextCopies): Promise<void> {
    const { platform } = this.#kit.store;
    try {
      // The answer to the change goes first.
      await nextTurn();
      while (this.#isStale()) {
        const view = this.#view();
        if (view === null) return;
        const copy = { version: view.version, text: JSON.stringify(view) };
        await withDeadline('redis', COPY_MS, (signal) => copies.set(this.#workspace, view.id, copy, signal));
        this.#held = { version: view.version, at: platform.now() };
      }
    } catch (error) {
      platform.logger('debug', 'context_not_copied', errorFields(error));
    } finally {
      this.#running = false;
    }
  }
}
