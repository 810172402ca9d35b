import { NO_PORTS } from '../../../durable-objects/context/ports.ts';
import { diffContexts } from '../../../src/application/context/diff-contexts.ts';
import { effectiveContext } from '../../../src/application/context/effective-context.ts';
import { contextAt } from '../../../src/application/context/identity.ts';
import { mergeContexts } from '../../../src/application/context/merge-contexts.ts';
import { promoteContext, shareContext } from '../../../src/application/context/share-context.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { ContextApi } from '../../../src/ports/contexts.ts';
import type { Role } from '../../../src/protocol/common/enums.ts';
import { ok } from '../../../src/protocol/common/errors.ts';
import type { ContextId } from '../../../src/protocol/context/context.ts';
import type { MergeStrategy } from '../../../src/protocol/context/merge.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import { ContextsInProcess } from '../../support/contexts-in-process.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { MemoryContextArchive } from '../../support/memory-context-archive.ts';
import { MemoryContextCopies } from '../../support/memory-context-copies.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { CALL } from './home.ts';

export const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const AGENT = '8a52f0e1-3f0e-4f0c-9d0b-0d6f3a1b2c3d';
export const REFS = ['global', 'global.other', `session.${SESSION}`] as const;
export const callOf = (role: Role): Call => ({ ...CALL, principal: { workspace: 'default', role, token_id: role } });
export const LEASED: Call = {
  ...callOf('agent'),
  lease: { task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001', epoch: 1, session_id: SESSION, agent_id: AGENT },
};

/** Contexts with all that they write elsewhere: logs, outbox, Postgres, Redis, and the frames of watchers. */
export class SecretWorld extends ContextsInProcess {
  readonly archive = new MemoryContextArchive();
  readonly copies = new MemoryContextCopies();
  readonly logs: unknown[] = [];
  readonly watchers: FakeClient[] = [];
  readonly owners = {
    contexts: this,
    sessions: { at: () => ({ read: async () => ok(null) }) } as never,
    agentRegistries: { of: () => ({ agent: async () => ok(null) }) } as never,
  };

  override home(id: ContextId): ContextInProcess {
    const known = this.homes.get(id);
    if (known) return known;
    const platform = new NodePlatform();
    platform.logger = (...line) => void this.logs.push(line);
    const home = new ContextInProcess(platform, {
      ...NO_PORTS,
      archive: this.archive,
      copies: this.copies,
      sessionEnd: async () => 0,
    });
    this.homes.set(id, home);
    return home;
  }

  async named(ref: string) {
    return contextAt(this, CALL, ref);
  }

  async on<T>(ref: string, use: (home: ContextApi) => Promise<T>): Promise<T> {
    return use((await this.named(ref)).home);
  }

  merge(context_ids: string[], strategy: MergeStrategy, call = CALL) {
    return mergeContexts(this, call, { context_ids, strategy });
  }

  share(ref: string, mode: 'copy' | 'link', keys?: string[]) {
    return shareContext(this.owners, CALL, ref, { target_session_id: SESSION, mode, keys });
  }

  promote(ref: string, keys?: string[]) {
    return promoteContext(this.owners, CALL, ref, { scope: 'global', keys } as never);
  }

  effective(call: Call) {
    return effectiveContext(this, call, { session_id: SESSION });
  }

  diff(call: Call, from: string, to: string) {
    return diffContexts(this, call, from, to);
  }

  /** Viewers' sockets, which pull what there is: one from the newest value, and one from the changes. */
  async watch(ref: string, path: string): Promise<void> {
    await this.#open(ref, { path });
    await this.#open(ref, { path, after: '1' });
  }

  async #open(ref: string, query: Record<string, string>): Promise<void> {
    const { id } = await this.named(ref);
    const { runtime, platform } = this.home(id);
    const url = new URL(`ws://context/ws/contexts/${id}?${new URLSearchParams(query)}`);
    const opening = runtime.sockets.open(url, callOf('viewer').principal, null);
    if (!opening || 'full' in opening) return;
    platform.events = {
      message: (socket, text) => runtime.sockets.receive(socket, text),
      close: () => {},
    };
    const client = platform.connect(opening.tags, opening.attachment);
    opening.opened?.(client.socket);
    for (let pulls = 0; pulls < 5; pulls++) client.send({ type: 'pull' });
    this.watchers.push(client);
  }

  /** All that a caller without the right can read, and all that is written outside the homes. */
  async everything(pointers: readonly string[]): Promise<string> {
    const viewer = callOf('viewer');
    const answers: unknown[] = [await this.effective(viewer), await this.effective(LEASED), await this.effective(CALL)];
    for (const ref of REFS) {
      const { home } = await this.named(ref);
      const newest = await home.read(viewer);
      answers.push(newest, await home.snapshot(viewer, [1]), await home.mayWatch(viewer), await home.createdAt(viewer));
      for (const call of [viewer, CALL]) answers.push(await home.history(call), await home.conflicts(call));
      const head = newest.ok ? newest.value.version : 0;
      for (let version = 1; version <= head; version++) {
        answers.push(await home.read(viewer, version), await home.diff(CALL, version, head));
      }
      for (const pointer of pointers) answers.push(await home.readKey(viewer, pointer));
      for (const other of REFS) answers.push(await this.diff(CALL, ref, other));
      for (const pointer of ['', ...pointers]) await this.watch(ref, pointer);
    }
    for (const home of this.homes.values()) {
      await home.advance(60_000);
      answers.push((home.platform.dump() as Record<string, unknown>).outbox);
    }
    answers.push(
      this.logs,
      [...this.archive.rows],
      this.copies,
      this.watchers.map(({ received }) => received),
    );
    return JSON.stringify(answers, (_, value) => (value instanceof Map ? [...value] : value));
  }
}
