import type { Call } from '../../src/ports/calls.ts';
import type { DirectoryEntry } from '../../src/ports/directory.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { ListSessionsQuery, SessionList } from '../../src/protocol/session/list.ts';
import type { ObjectPlatform } from '../kit/platform.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { DIRECTORY_SCHEMA } from './schema.ts';
import { SessionsTable, type SortRanks } from './sessions-table.ts';

/** Longer than any delivery can be late. */
const TOMBSTONES_KEPT_MS = 7 * 86_400_000;
const TOMBSTONES_DEADLINE = 'tombstones';

/** The directory's parts, built together over a platform. @param ranks how lists sort enumerations */
export function buildDirectory(platform: ObjectPlatform, ranks?: SortRanks): DirectoryRuntime {
  const kit = buildKit(platform, DIRECTORY_SCHEMA, []);
  return new DirectoryRuntime(kit, new SessionsTable(kit.store, ranks));
}

/** The directory of a workspace's sessions (`DirectoryApi`). Each method is one synchronous step. */
export class DirectoryRuntime {
  readonly #kit: ObjectKit;
  readonly #directory: SessionsTable;

  constructor(kit: ObjectKit, directory: SessionsTable) {
    this.#kit = kit;
    this.#directory = directory;
  }

  put(workspace: WorkspaceId, entry: DirectoryEntry): void {
    this.#write(workspace, () => this.#directory.put(entry));
  }

  remove(workspace: WorkspaceId, id: SessionId, rev: number): void {
    this.#write(workspace, () => {
      const now = this.#kit.store.platform.now();
      this.#directory.remove(id, rev, now);
      this.#kit.deadlines.setIfUnset(TOMBSTONES_DEADLINE, now + TOMBSTONES_KEPT_MS);
    });
  }

  list(call: Call, query: ListSessionsQuery): Outcome<SessionList> {
    if (!this.#kit.store.created) return ok({ items: [], total: 0, page: query.page, page_size: query.page_size });
    if (this.#owner() !== call.principal.workspace) return refuse('not_found', 'There is no such directory.');
    return ok(this.#directory.list(query, this.#kit.store.platform.now()));
  }

  alarm(): void {
    runAlarm(this.#kit, (name) => {
      if (name !== TOMBSTONES_DEADLINE) return;
      const oldest = this.#directory.purgeRemoved(this.#kit.store.platform.now() - TOMBSTONES_KEPT_MS);
      if (oldest !== null) this.#kit.deadlines.set(TOMBSTONES_DEADLINE, oldest + TOMBSTONES_KEPT_MS);
    });
  }

  /** One durable step in the directory of `workspace`, which the first one makes. */
  #write<T>(workspace: WorkspaceId, body: () => T): T {
    return this.#kit.store.create(() => {
      const owner = this.#owner();
      if (owner === null) this.#kit.store.rows(`INSERT INTO directory (one, workspace) VALUES (1, ?)`, workspace);
      else if (owner !== workspace) throw new Error('this directory belongs to another workspace');
      return body();
    });
  }

  #owner(): WorkspaceId | null {
    return this.#kit.store.row<{ workspace: WorkspaceId }>(`SELECT workspace FROM directory`)?.workspace ?? null;
  }
}
