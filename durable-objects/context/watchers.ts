import { pathOf } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import { valueIn } from '../../src/domain/context/json-patch.ts';
import type { ContextChangeView } from '../../src/ports/contexts.ts';
import {
  BATCH_BYTES,
  exceedsBytes,
  MARK_EVERY_BYTES,
  MAX_WATCHER_LAG_BYTES,
  utf8Length,
} from '../../src/protocol/common/limits.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type { ContextSnapshotReason, ContextWatchFrame } from '../../src/protocol/context/watch-socket.ts';
import { WatchRequest } from '../../src/protocol/session/watch-socket.ts';
import { FanOut, type Frame } from '../kit/delivery/fan-out.ts';
import type { ObjectSocket } from '../kit/platform/platform.ts';
import { endSocket } from '../kit/platform/sockets.ts';
import type { ObjectStore } from '../kit/storage/store.ts';
import { parseJson } from '../kit/text.ts';
import type { ChangeRow, Journal } from './journal.ts';
import type { ContextRecords } from './records.ts';
import type { Secrets } from './secrets.ts';
import type { ContextViews } from './views.ts';
import type { WatcherLease, WatcherLeases } from './watcher-leases.ts';

export const WATCH_TAG = 'watch';
/** The length of a snapshot's part, in UTF-16 code units, so that two of them are less than a watcher may be behind. */
const PART_CHARS = 65_536;

/** The attachment of a watcher's socket, which survives hibernation. */
export interface WatcherAttachment {
  /** JSON Pointer of the place that is watched. */
  path: string;
  /** The lease under which the socket was opened; null without one. */
  lease: WatcherLease | null;
  /** The version up to which the watcher has all that has changed the place. */
  version: number;
  /** The version of the last frame: the one that the watcher knows. Versions that have not changed the place follow. */
  told: number;
  /** Whether the watcher has caught up, so that changes are pushed. */
  live: boolean;
  /** The next part of the snapshot of `version`, while the watcher pulls it; otherwise null. */
  part: number | null;
  /** How many places were secret when the snapshot began. Its text changes with them. */
  secrets: number;
  /** The numbers of bytes that were sent and acknowledged. */
  sent: number;
  acked: number;
  /** The marks that were sent and not acknowledged, oldest first, each with `sent` before it. */
  marks: { mark: string; sent: number }[];
}

export const NEW_WATCHER = { version: 0, told: 0, live: false, part: null, secrets: 0, sent: 0, acked: 0, marks: [] };

/** A committed change. `text` is only measured. */
interface ChangeFrame extends Frame {
  row: ChangeRow;
}

interface Parts {
  store: ObjectStore;
  records: ContextRecords;
  journal: Journal;
  views: ContextViews;
  secrets: Secrets;
  leases: WatcherLeases;
}

/**
 * The watchers of a context. Like those of a session, a watcher pulls until it has caught up, so that the home buffers
 * nothing for a slow reader; the last page and the subscription to new changes are one synchronous step, so that no
 * change is missed between them.
 */
export class ContextWatchers {
  readonly #parts: Parts;
  readonly #fanOut: FanOut<ChangeFrame>;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { platform } = parts.store;
    this.#fanOut = new FanOut(platform, {
      sockets: () => platform.sockets(WATCH_TAG),
      send: (socket, frames) => this.#sendNew(socket, frames),
    });
  }

  /** The context has a new version. Part of its transaction, after whose commit the watchers get it. */
  changed(): void {
    const { store, journal } = this.#parts;
    if (store.platform.sockets(WATCH_TAG).length === 0) return;
    const { version } = journal.head;
    store.afterCommit(() => {
      const { rows } = journal.changesAfter(version - 1);
      this.#fanOut.push(rows.map((row) => ({ text: row.edits, seq: row.version, row })));
    });
  }

  /** Sends hello to a new watcher: it resumes after its version, or starts from a snapshot of the newest one. */
  greet(socket: ObjectSocket, after: number | null): void {
    const reason = this.#whyNotResume(after);
    if (reason !== null) return this.#startSnapshot(socket, reason);
    const version = after!;
    this.#sendFrame(socket, { type: 'hello', mode: 'resume', ...this.#place(version) }, { version, told: version });
  }

  /** Handles a request of a watcher. */
  receive(socket: ObjectSocket, text: string): void {
    const request = WatchRequest().safeParse(parseJson(text));
    if (!request.success) return socket.close(CLOSE.protocol_error, 'the message is invalid');
    if (request.data.type === 'ack') this.#acknowledge(socket, request.data.mark);
    else this.#parts.leases.whenHeld(socket, () => this.#answer(socket));
  }

  /** Closes all sockets. */
  end(code: number, reason: string): void {
    this.#fanOut.flush();
    for (const socket of this.#parts.store.platform.sockets(WATCH_TAG)) endSocket(socket, code, reason);
  }

  #answer(socket: ObjectSocket): void {
    const { part, live } = stateOf(socket);
    if (part !== null) this.#sendPart(socket, part);
    else if (!live) this.#sendPage(socket);
  }

  #sendNew(socket: ObjectSocket, frames: readonly ChangeFrame[]): void {
    const { live, lease } = stateOf(socket);
    if (!live) return;
    if (lease) return this.#parts.leases.whenHeld(socket, () => this.#catchUp(socket));
    // An earlier change was not sent to it, such as after a failure.
    if (stateOf(socket).version < (frames[0]?.seq ?? 0) - 1) return this.#catchUp(socket);
    for (const { seq, row } of frames) {
      const { live, version, path } = stateOf(socket);
      if (live && version < seq) this.#sendChanges(socket, this.#changesAt([row], path), seq, true);
    }
  }

  /** Sends a watcher that has caught up what it does not have yet. */
  #catchUp(socket: ObjectSocket): void {
    const isBehind = () => stateOf(socket).live && stateOf(socket).version < this.#parts.journal.head.version;
    while (isBehind()) this.#sendPage(socket);
  }

  #sendPage(socket: ObjectSocket): void {
    const { journal } = this.#parts;
    const { version, path, live } = stateOf(socket);
    if (version < journal.baseVersion) return this.greet(socket, version);
    const { rows, hasMore } = journal.changesAfter(version);
    const last = rows.at(-1)?.version ?? version;
    this.#sendChanges(socket, this.#changesAt(rows, path), last, live || !hasMore);
  }

  /** Sends changes, or a snapshot in their place if they are too long. */
  #sendChanges(socket: ObjectSocket, changes: ContextChangeView[], version: number, live: boolean): void {
    const { told: after, live: wasLive } = stateOf(socket);
    // A pushed frame without a change of the place would tell the watcher nothing.
    if (wasLive && changes.length === 0) return this.#note(socket, { version });
    const frame: ContextWatchFrame = { type: 'changes', after, version, changes, live };
    const text = JSON.stringify(frame);
    if (exceedsBytes(text, 2 * BATCH_BYTES)) this.#startSnapshot(socket, 'too_long');
    else this.#send(socket, text, { version, told: version, live });
  }

  #whyNotResume(after: number | null): ContextSnapshotReason | null {
    const { journal } = this.#parts;
    if (after === null) return 'no_version';
    if (after < journal.baseVersion) return 'below_base';
    return after > journal.head.version ? 'beyond_head' : null;
  }

  #startSnapshot(socket: ObjectSocket, reason: ContextSnapshotReason): void {
    const { journal, secrets } = this.#parts;
    const { version, data } = journal.head;
    const parts = Math.ceil((this.#textAt(data, stateOf(socket).path)?.length ?? 0) / PART_CHARS);
    const frame: ContextWatchFrame = { type: 'hello', mode: 'snapshot', ...this.#place(version), parts, reason };
    const after = { version, told: version, live: false, part: parts > 0 ? 0 : null };
    this.#sendFrame(socket, frame, { ...after, secrets: secrets.marks().length });
  }

  #sendPart(socket: ObjectSocket, part: number): void {
    const { journal, secrets: marks } = this.#parts;
    const { version, path, secrets } = stateOf(socket);
    const shown = secrets === marks.marks().length ? journal.at(version) : null;
    const text = shown && this.#textAt(shown.data, path);
    // The version is no longer kept, or more of it is secret now: the watcher starts again with the newest one.
    if (!text) return this.#startSnapshot(socket, 'no_version');
    const data = text.slice(part * PART_CHARS, (part + 1) * PART_CHARS);
    const isLast = (part + 1) * PART_CHARS >= text.length;
    this.#sendFrame(socket, { type: 'snapshot', part, data }, { part: isLast ? null : part + 1 });
  }

  /** The changes of a place and below it, without secrets. */
  #changesAt(rows: readonly ChangeRow[], path: string): ContextChangeView[] {
    const changes = rows.map((row) => this.#parts.views.change(row, pathOf(path)));
    return changes.filter(({ edits }) => edits.length > 0);
  }

  /** JSON of the value at a place, without secrets; undefined if there is none. */
  #textAt(data: JsonObject, path: string): string | undefined {
    const { secrets } = this.#parts;
    // In a secret, a watcher sees nothing, not even whether there is something.
    const value = secrets.placeOf(path) === path ? valueIn(data, pathOf(path)) : undefined;
    return value === undefined ? undefined : JSON.stringify(secrets.mask(value, pathOf(path)));
  }

  #place(version: number) {
    const { records, journal } = this.#parts;
    return { context_id: records.get().id, version, head: journal.head.version };
  }

  #sendFrame(socket: ObjectSocket, frame: ContextWatchFrame, after: Partial<WatcherAttachment>): void {
    this.#send(socket, JSON.stringify(frame), after);
  }

  /**
   * Sends a frame and counts it, or closes a reader that has fallen behind. That reader resumes from its version.
   * @param after the reader's position after this frame
   */
  #send(socket: ObjectSocket, text: string, after: Partial<WatcherAttachment>): void {
    const { sent: before, acked, marks } = stateOf(socket);
    const sent = before + utf8Length(text);
    if (sent - acked > MAX_WATCHER_LAG_BYTES) {
      this.#note(socket, { live: false });
      return endSocket(socket, CLOSE.lagging, 'the acknowledgements are too far behind');
    }
    const isDue = sent - (marks.at(-1)?.sent ?? acked) >= MARK_EVERY_BYTES;
    const mark = isDue ? this.#parts.store.platform.uuid().slice(0, 8) : null;
    this.#note(socket, { ...after, sent, marks: mark ? [...marks, { mark, sent }] : marks });
    socket.send(text);
    if (mark) socket.send(JSON.stringify({ type: 'mark', mark } satisfies ContextWatchFrame));
  }

  /** Only a reader that has read up to a mark can send it back, because marks are random. */
  #acknowledge(socket: ObjectSocket, mark: string): void {
    const { marks } = stateOf(socket);
    const index = marks.findIndex((sent) => sent.mark === mark);
    if (index < 0) return socket.close(CLOSE.protocol_error, 'the mark was not sent, or is already acknowledged');
    this.#note(socket, { acked: marks[index]!.sent, marks: marks.slice(index + 1) });
  }

  #note(socket: ObjectSocket, change: Partial<WatcherAttachment>): void {
    socket.attach({ ...stateOf(socket), ...change });
  }
}

function stateOf(socket: ObjectSocket): WatcherAttachment {
  return socket.attachment() as WatcherAttachment;
}
