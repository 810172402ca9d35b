import { applyEvents, emptyState, type SessionState } from '../domain/session/session-state.ts';
import { type Cursor, formatCursor, parseCursor } from '../protocol/common/cursor.ts';
import type { SessionEvent } from '../protocol/events/envelope.ts';
import type { WatchFrame, WatchRequest } from '../protocol/session/watch-socket.ts';

/** The result of a received frame. */
export type Step =
  | {
      ok: true;
      /** Requests to send, in this order. */
      replies: WatchRequest[];
      /** Events that the follower did not have before. */
      events: SessionEvent[];
      /** Whether a snapshot has replaced all earlier events. */
      reset: boolean;
      /** Whether the follower has caught up, so that the server now pushes new events. */
      live: boolean;
    }
  /** The connection cannot be used any more. Open another one from `cursor`. */
  | { ok: false; fault: 'gap' | 'protocol'; detail: string };

type Phase =
  | { name: 'greeting' }
  | { name: 'snapshot'; parts: string[]; expected: number; cursor: Cursor }
  | { name: 'catching_up' }
  | { name: 'live' };

/**
 * Follows a session's log over any number of connections. It does no I/O: it receives frames, and returns requests and
 * new events. Its state is always the fold of a prefix of the server's log, even if frames are lost or repeated or
 * connections break.
 *
 * ```ts
 * const follower = new LogFollower();
 * follower.connect();
 * socket.onmessage = ({ data }) => {
 *   const step = follower.receive(data);
 *   if (!step.ok) return socket.close(); // connect again with `?after=` and follower.cursor
 *   for (const reply of step.replies) socket.send(JSON.stringify(reply));
 * };
 * ```
 */
export class LogFollower {
  #cursor: Cursor | null;
  #state: SessionState = emptyState();
  #phase: Phase = { name: 'greeting' };

  /** @param after events up to this cursor are skipped, so the state does not contain them; null for none */
  constructor(after: string | null = null) {
    this.#cursor = after === null ? null : parseCursor(after);
  }

  /** The position up to which the log was received, from which a new connection resumes; null at first. */
  get cursor(): string | null {
    return this.#cursor && formatCursor(this.#cursor);
  }

  /** The fold of the log up to `cursor`. */
  get state(): SessionState {
    return this.#state;
  }

  /** Prepares for a new connection. Discards a partial snapshot of the previous one. */
  connect(): void {
    this.#phase = { name: 'greeting' };
  }

  /** Handles one text frame of the current connection. */
  receive(text: string): Step {
    let frame: WatchFrame;
    try {
      frame = JSON.parse(text) as WatchFrame;
    } catch {
      return broken('the frame is not JSON');
    }
    switch (frame.type) {
      case 'hello':
        return this.#greet(frame);
      case 'snapshot':
        return this.#assemble(frame);
      case 'page':
        if (this.#phase.name !== 'catching_up') return broken(`unexpected page while ${this.#phase.name}`);
        if (frame.live) this.#phase = { name: 'live' };
        return this.#append(frame);
      case 'events':
        if (this.#phase.name !== 'live') return broken(`unexpected events while ${this.#phase.name}`);
        return this.#append(frame);
      case 'mark':
        return this.#unchanged({ type: 'ack', mark: frame.mark });
      default:
        // A later server version may send other frames.
        return this.#unchanged();
    }
  }

  /** Handles the hello at the start of a connection, or again when the log's floor has overtaken the reader. */
  #greet(hello: WatchFrame & { type: 'hello' }): Step {
    const cursor = parseCursor(hello.cursor);
    if (!cursor) return broken(`invalid cursor: ${hello.cursor}`);
    if (hello.mode === 'snapshot') {
      this.#phase = { name: 'snapshot', parts: [], expected: hello.parts, cursor };
      return hello.parts > 0 ? this.#took([], false) : this.#reset(emptyState(), cursor);
    }
    this.#cursor ??= { incarnation: cursor.incarnation, seq: 0 };
    if (formatCursor(this.#cursor) !== hello.cursor)
      return broken(`expected to resume at ${this.cursor}, but got ${hello.cursor}`);
    this.#phase = { name: 'catching_up' };
    return this.#took([], false);
  }

  #assemble(frame: WatchFrame & { type: 'snapshot' }): Step {
    const phase = this.#phase;
    if (phase.name !== 'snapshot') return broken(`unexpected snapshot while ${phase.name}`);
    if (frame.part !== phase.parts.length)
      return broken(`expected part ${phase.parts.length} of the snapshot, but got part ${frame.part}`);
    phase.parts.push(frame.data);
    if (phase.parts.length < phase.expected) return this.#took([], false);
    try {
      return this.#reset(JSON.parse(phase.parts.join('')) as SessionState, phase.cursor);
    } catch {
      return broken('the snapshot is not JSON');
    }
  }

  #reset(state: SessionState, cursor: Cursor): Step {
    this.#state = state;
    this.#cursor = cursor;
    this.#phase = { name: 'catching_up' };
    return this.#took([], true);
  }

  #append(frame: { events: SessionEvent[]; cursor: string }): Step {
    const from = this.#cursor;
    const to = parseCursor(frame.cursor);
    if (!from || to?.incarnation !== from.incarnation)
      return broken(`the cursor belongs to another log: ${frame.cursor}`);
    const fresh: SessionEvent[] = [];
    let head = from.seq;
    for (const event of frame.events) {
      if (event.seq <= head) continue;
      // A joined event may begin at or below the head. Text that was applied before is applied again without effect.
      if (event.from_seq > head + 1) return gap(head, event.from_seq);
      fresh.push(event);
      head = event.seq;
    }
    if (to.seq > head) return gap(head, to.seq);
    this.#state = applyEvents(this.#state, fresh);
    this.#cursor = { incarnation: from.incarnation, seq: head };
    return this.#took(fresh, false);
  }

  #took(events: SessionEvent[], reset: boolean): Step {
    const live = this.#phase.name === 'live';
    return { ok: true, replies: live ? [] : [{ type: 'pull' }], events, reset, live };
  }

  #unchanged(...replies: WatchRequest[]): Step {
    return { ok: true, replies, events: [], reset: false, live: this.#phase.name === 'live' };
  }
}

function broken(detail: string): Step {
  return { ok: false, fault: 'protocol', detail };
}

function gap(head: number, next: number): Step {
  return { ok: false, fault: 'gap', detail: `expected an event after ${head}, but got ${next}` };
}
