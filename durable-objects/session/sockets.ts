import { parseCursor } from '../../src/protocol/common/cursor.ts';
import type { TaskId } from '../../src/protocol/common/ids.ts';
import { MAX_WATCHERS } from '../../src/protocol/common/limits.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import { paramsIn } from '../../src/protocol/endpoints/endpoints.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import type { ObjectSocket } from '../kit/platform/platform.ts';
import type { SocketHolder, SocketOpening, SocketRefusal } from '../kit/platform/sockets.ts';
import { NEW_WATCHER, WATCH_TAG, type WatchAttachment } from './log/watchers.ts';
import type { SessionParts } from './parts.ts';
import { newRunSocket, RUN_TAG, type RunAttachment } from './run/run-sockets.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'watchers' | 'stream'>;

/** The two kinds of sockets of a session: watch sockets of people, and run sockets of agents. */
export class SessionSockets implements SocketHolder {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  open({ pathname, searchParams }: URL, principal: Principal): SocketOpening | SocketRefusal | null {
    const { kit, records } = this.#parts;
    if (!kit.store.created) return null;
    // Also when the session was deleted, so that its agent learns of it.
    const run = paramsIn('openRunSocket', pathname);
    if (run) return this.#run(run.task_id, Number(run.epoch), principal);
    if (records.find() === null || !paramsIn('watchSession', pathname)) return null;
    return this.#watch(searchParams.get('after'));
  }

  receive(socket: ObjectSocket, text: string): void {
    const { kit, records, watchers, stream } = this.#parts;
    const isRun = kindOf(socket) === 'run';
    if (isRun && kit.store.created) stream.receive(socket, text);
    else if (isRun || records.find() === null) socket.close(CLOSE.deleted, 'the session is gone');
    else watchers.receive(socket, text);
  }

  closed(socket: ObjectSocket): void {
    if (kindOf(socket) === 'run') this.#parts.stream.closed(socket);
  }

  unauthorized(socket: ObjectSocket): void {
    if (kindOf(socket) === 'run') this.#parts.stream.unauthorized(socket);
  }

  #watch(after: string | null): SocketOpening | SocketRefusal {
    if (this.#parts.kit.store.platform.sockets(WATCH_TAG).length >= MAX_WATCHERS) return TOO_MANY_WATCHERS;
    return {
      tags: [WATCH_TAG],
      attachment: NEW_WATCHER,
      opened: (socket) => this.#parts.watchers.greet(socket, after === null ? null : parseCursor(after)),
    };
  }

  #run(task_id: TaskId, epoch: number, principal: Principal): SocketOpening {
    const connection = this.#parts.kit.store.platform.uuid();
    return { tags: [RUN_TAG], attachment: newRunSocket(task_id, epoch, principal, connection) };
  }
}

const TOO_MANY_WATCHERS: SocketRefusal = {
  full: `The session has ${MAX_WATCHERS} watchers already. Try again later, or read its log without waiting.`,
};

function kindOf(socket: ObjectSocket): 'watch' | 'run' {
  return (socket.attachment() as WatchAttachment | RunAttachment).kind;
}
