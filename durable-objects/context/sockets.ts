import { readerOf, whyMayNot } from '../../src/domain/context/access.ts';
import type { Call } from '../../src/ports/calls.ts';
import { MAX_WATCHERS } from '../../src/protocol/common/limits.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import { paramsIn } from '../../src/protocol/endpoints/endpoints.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import type { ObjectSocket } from '../kit/platform/platform.ts';
import { endSocket, type SocketHolder, type SocketOpening, type SocketRefusal } from '../kit/platform/sockets.ts';
import type { ObjectStore } from '../kit/storage/store.ts';
import type { ContextRecords } from './records.ts';
import type { WatcherLeases } from './watcher-leases.ts';
import { type ContextWatchers, NEW_WATCHER, WATCH_TAG, type WatcherAttachment } from './watchers.ts';

interface Parts {
  store: ObjectStore;
  records: ContextRecords;
  watchers: ContextWatchers;
  leases: WatcherLeases;
  /** The context is in use. */
  used(): void;
}

/** The sockets of a context's watchers. The Worker has asked before whether the caller may watch (`mayWatch`). */
export class ContextSockets implements SocketHolder {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  open(
    { pathname, searchParams }: URL,
    principal: Principal,
    lease: Call['lease'] | null,
  ): SocketOpening | SocketRefusal | null {
    const { store, records, watchers, leases } = this.#parts;
    if (!records.isLive || !paramsIn('watchContext', pathname)) return null;
    if (whyMayNot(readerOf({ principal, lease: lease ?? undefined }), 'read', records.get())) return null;
    if (store.platform.sockets(WATCH_TAG).length >= MAX_WATCHERS) return TOO_MANY_WATCHERS;
    const after = searchParams.get('after');
    const attachment: WatcherAttachment = {
      ...NEW_WATCHER,
      path: searchParams.get('path') ?? '',
      lease: lease ? leaseOf(lease, principal) : null,
    };
    return {
      tags: [WATCH_TAG],
      attachment,
      opened: (socket) => {
        leases.opened(socket);
        watchers.greet(socket, after === null ? null : Number(after));
      },
    };
  }

  receive(socket: ObjectSocket, text: string): void {
    const { records, watchers } = this.#parts;
    if (records.isLive) watchers.receive(socket, text);
    else endSocket(socket, CLOSE.deleted, 'the context is gone');
  }

  /** A context is used until the end of a watch, so that it does not retire right after a long one. */
  closed(): void {
    this.#parts.used();
  }
}

const TOO_MANY_WATCHERS: SocketRefusal = {
  full: `The context has ${MAX_WATCHERS} watchers already. Try again later, or read its history without waiting.`,
};

function leaseOf(
  { task_id, epoch }: NonNullable<Call['lease']>,
  { workspace, role, token_id, agent }: Principal,
): WatcherAttachment['lease'] {
  return { task_id, epoch, principal: { workspace, role, token_id, ...(agent && { agent }) } };
}
