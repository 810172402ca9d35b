import type { Call } from '../../src/ports/calls.ts';
import type { DirectoryApi, DirectoryEntry, ListedSessions } from '../../src/ports/directory.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { SessionId } from '../../src/protocol/common/ids.ts';
import type { ListSessionsQuery } from '../../src/protocol/session/list.ts';
import { ObjectShell } from '../kit/platform/object-shell.ts';
import { buildDirectory, type DirectoryRuntime } from './runtime.ts';

/** The directory of a workspace's sessions. See `DirectoryApi`. */
export class Directory extends ObjectShell<DirectoryRuntime> implements DirectoryApi {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, 'Directory', buildDirectory);
  }

  async put(entry: DirectoryEntry): Promise<void> {
    this.runtime.put(entry);
  }

  async remove(id: SessionId, rev: number): Promise<void> {
    this.runtime.remove(id, rev);
  }

  async list(call: Call, query: ListSessionsQuery): Promise<Outcome<ListedSessions>> {
    return this.runtime.list(call, query);
  }
}
