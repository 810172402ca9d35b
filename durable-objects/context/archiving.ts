import type { Json } from '../../src/domain/context/json.ts';
import { memberNames } from '../../src/domain/context/names.ts';
import type { ContextArchive, ContextRecord } from '../../src/ports/context-archive.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import { instant } from '../kit/text.ts';
import type { Journal } from './journal.ts';
import type { ContextRecords, ContextRow } from './records.ts';
import type { Secrets } from './secrets.ts';

const DESTINATION = 'archive';
/** The deadline by which lists show a change. */
export const ARCHIVE_DEADLINE = 'archive';
/** How long lists may show an older version of a context whose data is not in Postgres. */
const SUMMARY_MS = 5_000;
/** A database may be away for days, with a wake of each changed context for every attempt. */
const RETRY_MS_MAX = 3_600_000;

/** The destination of the outbox. */
export function archiveDestination(archive: ContextArchive, archiving: () => Archiving): Destination {
  return {
    name: DESTINATION,
    retry_ms_max: RETRY_MS_MAX,
    deliver: (_key, _payload, signal) => archiving().deliver(archive, signal),
  };
}

interface Needs {
  kit: ObjectKit;
  records: ContextRecords;
  journal: Journal;
  secrets: Secrets;
}

/**
 * Tells Postgres of a context. An entry of the outbox says only that there is something to tell: its delivery reads what
 * the context is by then, so that any number of changes are one message, and no entry is longer than one may be.
 */
export class Archiving {
  readonly #workspace: WorkspaceId;
  readonly #archive: ContextArchive | null;
  readonly #parts: Needs;

  constructor(workspace: WorkspaceId, archive: ContextArchive | null, parts: Needs) {
    this.#workspace = workspace;
    this.#archive = archive;
    this.#parts = parts;
  }

  /** The context is new, or has a new version. Part of its transaction. */
  changed(isNew: boolean): void {
    if (!this.#archive) return;
    const { kit, records } = this.#parts;
    if (isNew || records.get().scope === 'global') this.tell();
    else kit.deadlines.setIfUnset(ARCHIVE_DEADLINE, kit.store.platform.now() + SUMMARY_MS);
  }

  /** Tells Postgres soon what the context is by then. Part of a transaction. */
  tell(): void {
    if (!this.#archive) return;
    const { kit, records } = this.#parts;
    kit.deadlines.clear(ARCHIVE_DEADLINE);
    kit.outbox.put(DESTINATION, records.get().id, {});
  }

  /** Postgres has heard of everything. Part of a transaction. */
  isTold(): void {
    this.#parts.kit.deadlines.clear(ARCHIVE_DEADLINE);
  }

  /** What Postgres gets of a context that retires: all that its home has. */
  retired(): ContextRecord {
    const { records, journal } = this.#parts;
    return { ...this.#recordOf(records.get()), data: JSON.stringify(journal.head.data), history: journal.history() };
  }

  async deliver(archive: ContextArchive, signal: AbortSignal): Promise<void> {
    const row = this.#parts.records.get();
    if (row.retired_version !== null) return;
    if (row.deleted_at !== null) await archive.remove(this.#workspace, row.id, row.base_version, signal);
    else await archive.put(this.#recordOf(row), signal);
  }

  #recordOf({ id, name, scope, session_id, agent_id, created_at }: ContextRow): ContextRecord {
    const { journal, secrets } = this.#parts;
    const { version, at, by, data } = journal.head;
    return {
      workspace: this.#workspace,
      ...{ id, name, scope, session_id, agent_id, version },
      created_at: instant(created_at),
      updated_at: instant(at),
      updated_by: by,
      keys: memberNames(secrets.mask(data) as unknown as Json),
      // Secrets stay at the home.
      data: scope === 'global' && !secrets.any ? JSON.stringify(data) : null,
      history: null,
    };
  }
}
