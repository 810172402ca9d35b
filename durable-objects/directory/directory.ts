import { DurableObject } from 'cloudflare:workers';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import { readObjectSettings } from '../../src/configuration/read.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { DirectoryApi, DirectoryEntry } from '../../src/ports/directory.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { ListSessionsQuery, SessionList } from '../../src/protocol/session/list.ts';
import { durablePlatform } from '../kit/durable-object.ts';
import { buildDirectory, type DirectoryRuntime } from './runtime.ts';

/** What many look at at once: the directory of a workspace's sessions; see `DirectoryApi`. */
export class Directory extends DurableObject<Env> implements DirectoryApi {
  readonly #runtime: DirectoryRuntime;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#runtime = buildDirectory(durablePlatform(ctx, consoleLogger(readObjectSettings(env).OIO_LOG_LEVEL)));
  }

  async put(workspace: WorkspaceId, entry: DirectoryEntry): Promise<void> {
    this.#runtime.put(workspace, entry);
  }

  async remove(workspace: WorkspaceId, id: SessionId, rev: number): Promise<void> {
    this.#runtime.remove(workspace, id, rev);
  }

  async list(call: Call, query: ListSessionsQuery): Promise<Outcome<SessionList>> {
    return this.#runtime.list(call, query);
  }

  override alarm(): void {
    this.#runtime.alarm();
  }
}
