import { applyEvents, emptyState, type SessionState } from '../domain/session/session-state.ts';
import { type Cursor, formatCursor, parseCursor } from '../protocol/common/cursor.ts';
import type { SessionEvent } from '../protocol/events/envelope.ts';
import type { WatchFrame, WatchRequest } from '../protocol/session/watch-socket.ts';

/** What taking a frame in came to. */
export type Step =
  | {
      ok: true;
      /** To send back, in this order. */
      replies: WatchRequest[];
      /** New to this log: never one that it had. */
      events: SessionEvent[];
      /** The log was replaced by a snapshot: what stood before no longer counts. */
      reset: boolean;
      live: boolean;
    }
  /** The connection is of no more use: open another one from `cursor`. */
  | { ok: false; fault: 'gap' | 'protocol'; detail: string };

type Phase =
  | { name: 'greeting' }
  | { name: 'snapshot'; parts: string[]; expected: number; cursor: Cursor }
  | { name: 'catching_up' }
  | { name: 'live' };

/**
 * Follows a session's log over any number of connections, without any I/O: frames go in, requests and new events come
 * out. What it holds is a prefix of the server's log at every moment, whatever is lost, repeated or cut off between.
 */
export class LogFollower {
  #cursor: Cursor | null;
  #state: SessionState = emptyState();
  #phase: Phase = { name: 'greeting' };
  #received = 0;

  /** @param after a cursor whose events are of no interest; the state is then folded from there on */
  constructor(after: string | null = null) {
    this.#cursor = after === null ? null : parseCursor(after);
  }

  /** Up to where the log is held; null before anything is known. What a new connection asks to go on from. */
  get cursor(): string | null {
    return this.#cursor && formatCursor(this.#cursor);
  }

  /** The fold of the log up to `cursor`. */
  get state(): SessionState {
    return this.#state;
  }

  /** A new connection: what the last one had begun is forgotten, what it had finished is kept. */
  connect(): void {
    this.#phase = { name: 'greeting' };
    this.#received = 0;
  }

  /** Takes in one frame of the present connection. */
  receive(text: string): Step {
    this.#received += text.length;
    let frame: WatchFrame;
    try {
      frame = JSON.parse(text) as WatchFrame;
    } catch {
      return broken('the frame is no JSON');
    }
    switch (frame.type) {
      case 'hello':
        return this.#greet(frame);
      case 'snapshot':
        return this.#assemble(frame);
      case 'page':
        if (this.#phase.name !== 'catching_up') return broken(`a page while ${this.#phase.name}`);
        if (frame.live) this.#phase = { name: 'live' };
        return this.#append(frame);
      case 'events':
        if (this.#phase.name !== 'live') return broken(`events while ${this.#phase.name}`);
        return this.#append(frame);
      default:
        // A later version may say more; what is not understood is taken in and left alone.
        return { ok: true, replies: [this.#ack()], events: [], reset: false, live: this.#phase.name === 'live' };
    }
  }

  /** Once at the start of a connection, and again when the log's floor has overtaken the reader. */
  #greet(hello: WatchFrame & { type: 'hello' }): Step {
    const cursor = parseCursor(hello.cursor);
    if (!cursor) return broken(`no cursor: ${hello.cursor}`);
    if (hello.mode === 'snapshot') {
      this.#phase = { name: 'snapshot', parts: [], expected: hello.parts, cursor };
      return hello.parts > 0 ? this.#took([], false) : this.#reset(emptyState(), cursor);
    }
    this.#cursor ??= { incarnation: cursor.incarnation, seq: 0 };
    if (formatCursor(this.#cursor) !== hello.cursor) return broken(`resumed at ${hello.cursor}, not at ${this.cursor}`);
    this.#phase = { name: 'catching_up' };
    return this.#took([], false);
  }

  #assemble(frame: WatchFrame & { type: 'snapshot' }): Step {
    const phase = this.#phase;
    if (phase.name !== 'snapshot') return broken(`a snapshot while ${phase.name}`);
    if (frame.part !== phase.parts.length) return broken(`part ${frame.part}, not ${phase.parts.length}`);
    phase.parts.push(frame.data);
    if (phase.parts.length < phase.expected) return this.#took([], false);
    try {
      return this.#reset(JSON.parse(phase.parts.join('')) as SessionState, phase.cursor);
    } catch {
      return broken('the snapshot is no JSON');
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
    if (!from || to?.incarnation !== from.incarnation) return broken(`no cursor of this log: ${frame.cursor}`);
    const fresh: SessionEvent[] = [];
    let head = from.seq;
    for (const event of frame.events) {
      if (event.seq <= head) continue;
      // A joined run may begin below the head. It repeats text that is held, and applying that changes nothing.
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
    const replies = [this.#ack()];
    if (this.#phase.name !== 'live') replies.push({ type: 'pull' });
    return { ok: true, replies, events, reset, live: this.#phase.name === 'live' };
  }

  #ack(): WatchRequest {
    return { type: 'ack', received: this.#received };
  }
}

function broken(detail: string): Step {
  return { ok: false, fault: 'protocol', detail };
}

function gap(head: number, next: number): Step {
  return { ok: false, fault: 'gap', detail: `the log is held up to ${head}, and went on at ${next}` };
}
