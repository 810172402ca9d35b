import { NO_PORTS } from '../../../durable-objects/context/ports.ts';
import type { SocketOpening } from '../../../durable-objects/kit/platform/sockets.ts';
import type { ContextCopy } from '../../../src/ports/context-copies.ts';
import type { NewContext } from '../../../src/ports/contexts.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { MemoryContextArchive } from '../../support/memory-context-archive.ts';
import { MemoryContextCopies } from '../../support/memory-context-copies.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { valueIn } from '../../support/value-in.ts';
import { CALL } from './home.ts';

export const ID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';
export const OWNERS: Pick<NewContext, 'session_id' | 'agent_id'> = {
  session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
  agent_id: null,
};
export const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000];

/** A home with Postgres and Redis, both of which can be away, and a session that can end. */
export class TieredWorld {
  readonly platform = new NodePlatform();
  isAway = false;
  endedAt: number | null = null;
  asked = 0;
  readonly archive = new MemoryContextArchive();
  readonly copies = new MemoryContextCopies();
  readonly home: ContextInProcess;

  private constructor() {
    const archive = new Proxy(this.archive, {
      get: (target, name) => {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          if (this.isAway) throw new Error('Postgres cannot be reached');
          return Reflect.apply(method, target, args);
        };
      },
    });
    const sessionEnd = async () => {
      this.asked++;
      return this.endedAt;
    };
    this.home = new ContextInProcess(this.platform, { ...NO_PORTS, archive, copies: this.copies, sessionEnd });
  }

  static async of(scope: NewContext['scope']): Promise<TieredWorld> {
    const world = new TieredWorld();
    const owners = scope === 'session' ? OWNERS : { session_id: null, agent_id: null };
    valueIn(await world.home.create(CALL, { id: ID, name: 'main', scope, ...owners }, { n: 0 }));
    await world.home.advance(0);
    return world;
  }

  async write(n: number): Promise<number> {
    return valueIn(await this.home.update(CALL, { n })).version;
  }

  /** Watches the context, as the shell opens a socket. */
  watch(): FakeClient {
    const opening = this.home.runtime.sockets.open(
      new URL(`ws://context/ws/contexts/${ID}`),
      CALL.principal,
      null,
    ) as SocketOpening;
    this.platform.events = { message: () => {}, close: () => this.home.runtime.sockets.closed() };
    const client = this.platform.connect(opening.tags, opening.attachment);
    opening.opened?.(client.socket);
    return client;
  }

  /** The rows of the object with data. */
  get rows(): unknown[] {
    const { base_parts, changes } = this.platform.dump() as Record<string, unknown[]>;
    return [...base_parts!, ...changes!];
  }

  get isRetired(): boolean {
    return this.rows.length === 0;
  }

  copy(): Promise<ContextCopy | null> {
    return this.copies.get('default', ID);
  }
}
