import type { ContextCopies, ContextCopy } from '../../src/ports/context-copies.ts';
import { errorFields } from '../../src/ports/logger.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { Context } from '../../src/protocol/context/context.ts';
import { nextTurn, withDeadline } from '../kit/delivery/outbound.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import type { Journal } from './journal.ts';
import type { ContextRecords } from './records.ts';

const DESTINATION = 'copies';
const COPY_MS = 2_000;
/** A copy that was set longer ago may have vanished. */
const TRUSTED_MS = 300_000;

/** The destination of the outbox, for copies that must be taken from readers. */
export function copyDestination(copies: ContextCopies, workspace: WorkspaceId): Destination {
  return {
    name: DESTINATION,
    deliver: (id, payload, signal) => copies.set(workspace, id, payload as ContextCopy, signal),
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

  /** Takes the copy from readers. Part of the transaction that deletes the context. @param version its last one */
  blank(version: number): void {
    if (!this.#copies) return;
    const { id, scope } = this.#records.get();
    if (scope !== 'global') this.#kit.outbox.put(DESTINATION, id, { version, text: null } satisfies ContextCopy);
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
