import type { ContextPorts } from '../../../durable-objects/context/ports.ts';
import { endSocketsOf, receiveFrame, tokenTag } from '../../../durable-objects/kit/platform/sockets.ts';
import { ContextFollower } from '../../../src/client/context-follower.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { ContextChange, ContextData } from '../../../src/protocol/context/context.ts';
import { authorityOf } from '../../../src/protocol/workspace/token.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { valueIn } from '../../support/value-in.ts';
import { CALL, CONTEXT } from './home.ts';

/** A context with its sockets, as the shell opens them. */
export class WatchedHome {
  readonly home: ContextInProcess;

  constructor(data: ContextData = {}, ports?: ContextPorts) {
    const platform = new NodePlatform();
    this.home = new ContextInProcess(platform, ports);
    valueIn(this.home.runtime.create(CALL, CONTEXT, data));
    platform.events = {
      message: (socket, text) => receiveFrame(this.home.runtime.sockets, socket, text, platform.now()),
      close: () => {},
    };
  }

  set(updates: ContextData): number {
    return valueIn(this.home.runtime.update(CALL, { updates })).version;
  }

  /** @returns null if there is no such socket */
  open(query: Record<string, string> = {}, call: Call = CALL): FakeClient | null {
    const url = new URL(`ws://context/ws/contexts/${CONTEXT.id}?${new URLSearchParams(query)}`);
    const opening = this.home.runtime.sockets.open(url, call.principal, call.lease ?? null);
    if (!opening || 'full' in opening) return null;
    const tags = [...opening.tags, tokenTag(authorityOf(call.principal))];
    const client = this.home.platform.connect(tags, opening.attachment);
    opening.opened?.(client.socket);
    return client;
  }

  watcher(path?: string, call?: Call): Watcher {
    return new Watcher(this, path, call);
  }

  revoke(tokenId: string): void {
    endSocketsOf(this.home.runtime.sockets, this.home.platform, tokenId);
  }
}

/** A client that follows a context over as many connections as the test opens. */
export class Watcher {
  readonly follower: ContextFollower;
  readonly changes: ContextChange[] = [];
  readonly faults: string[] = [];
  resets = 0;
  live = false;
  client: FakeClient | null = null;
  readonly #watched: WatchedHome;
  readonly #path: string | undefined;
  readonly #call: Call | undefined;

  constructor(watched: WatchedHome, path?: string, call?: Call) {
    this.#watched = watched;
    this.#path = path;
    this.#call = call;
    this.follower = new ContextFollower(path);
  }

  connect(): this {
    this.follower.connect();
    this.live = false;
    const { version } = this.follower;
    const query = { ...(this.#path && { path: this.#path }), ...(version !== null && { after: `${version}` }) };
    this.client = this.#watched.open(query, this.#call);
    return this;
  }

  /** Handles at most `frames` arrived frames, and replies. @returns whether any had arrived */
  read(frames = Number.POSITIVE_INFINITY): boolean {
    let taken = 0;
    for (; this.client && taken < frames; taken++) {
      const text = this.client.received.shift();
      if (text === undefined) break;
      const step = this.follower.receive(text);
      if (!step.ok) {
        this.faults.push(step.detail);
        this.client.close();
        break;
      }
      if (step.reset) this.resets++;
      this.changes.push(...step.changes);
      this.live = step.live;
      for (const reply of step.replies) this.client.send(reply);
    }
    return taken > 0;
  }

  /** Handles all arrived frames. */
  catchUp(): this {
    while (this.read());
    return this;
  }

  get versions(): number[] {
    return this.changes.map(({ version }) => version);
  }
}
