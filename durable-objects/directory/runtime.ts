import type { Call } from '../../src/ports/calls.ts';
import type { DirectoryEntry, ListedSessions } from '../../src/ports/directory.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { ListSessionsQuery } from '../../src/protocol/session/list.ts';
import { Calls } from '../kit/calls/calls.ts';
import type { ObjectPlatform } from '../kit/platform/platform.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { DIRECTORY_SCHEMA } from './schema.ts';
import { listed, SessionsTable, type SortRanks } from './sessions-table.ts';

/** Longer than the delay of any delivery. */
const TOMBSTONES_KEPT_MS = 7 * 86_400_000;
const TOMBSTONES_DEADLINE = 'tombstones';

/** Builds the directory's parts. @param ranks the order of enumerations in lists */
export function buildDirectory(workspace: WorkspaceId, platform: ObjectPlatform, ranks?: SortRanks): DirectoryRuntime {
  const kit = buildKit(platform, DIRECTORY_SCHEMA, []);
  const calls = new Calls(kit, { workspace, absent: refuse('not_found', 'There is no such directory.') });
  return new DirectoryRuntime(kit, calls, new SessionsTable(kit.store, ranks));
}

/** The directory of a workspace's sessions (`DirectoryApi`). Each method is one synchronous step. */
export class DirectoryRuntime {
  readonly #kit: ObjectKit;
  readonly #calls: Calls;
  readonly #directory: SessionsTable;

  constructor(kit: ObjectKit, calls: Calls, directory: SessionsTable) {
    this.#kit = kit;
    this.#calls = calls;
    this.#directory = directory;
  }

  put(entry: DirectoryEntry): void {
    this.#calls.internal('debug', 'put', { session_id: entry.summary.id, rev: entry.rev }, () =>
      this.#kit.store.create(() => this.#directory.put(entry)),
    );
  }

  remove(id: SessionId, rev: number): void {
    const { store, deadlines } = this.#kit;
    this.#calls.internal('debug', 'remove', { session_id: id, rev }, () =>
      store.create(() => {
        const now = store.platform.now();
        this.#directory.remove(id, rev, now);
        deadlines.setIfUnset(TOMBSTONES_DEADLINE, now + TOMBSTONES_KEPT_MS);
      }),
    );
  }

  list(call: Call, query: ListSessionsQuery): Outcome<ListedSessions> {
    const { store } = this.#kit;
    return this.#calls.read('list', call, () => {
      return store.created ? this.#directory.list(query, store.platform.now()) : ok(listed([], 0, query, null));
    });
  }

  alarm(): void {
    runAlarm(this.#kit, (name) => {
      if (name !== TOMBSTONES_DEADLINE) return;
      const next = this.#directory.purgeRemoved(TOMBSTONES_KEPT_MS);
      if (next !== null) this.#kit.deadlines.set(TOMBSTONES_DEADLINE, next);
    });
  }
}
