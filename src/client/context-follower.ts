import { applyEdits, type Edit, pathOf } from '../domain/context/edits.ts';
import { type Json, type JsonObject, memberOf } from '../domain/context/json.ts';
import type { ContextChange } from '../protocol/context/context.ts';
import type { ContextWatchFrame } from '../protocol/context/watch-socket.ts';
import type { WatchRequest } from '../protocol/session/watch-socket.ts';

/** The result of a received frame. */
export type ContextStep =
  | {
      ok: true;
      /** Requests to send, in this order. */
      replies: WatchRequest[];
      /** Changes that the follower did not have before. */
      changes: ContextChange[];
      /** Whether a snapshot has replaced the value, so that changes may be missing before it. */
      reset: boolean;
      /** Whether the follower has caught up, so that the server now pushes new changes. */
      live: boolean;
    }
  /** The connection cannot be used any more. Open another one from `version`. */
  | { ok: false; fault: 'gap' | 'protocol'; detail: string };

type Phase =
  | { name: 'greeting' }
  | { name: 'snapshot'; parts: string[]; expected: number; version: number }
  | { name: 'catching_up' }
  | { name: 'live' };

/**
 * Follows a context, or one place of it, over any number of connections. Like `LogFollower`, it does no I/O. Its value is
 * always that of a version of the context, even if frames are lost or repeated or connections break.
 */
export class ContextFollower {
  readonly #place: readonly string[];
  #version: number | null;
  /** The members that lead to the place, with its value. */
  #data: JsonObject = {};
  #phase: Phase = { name: 'greeting' };

  /**
   * @param path JSON Pointer of the place; empty for the whole context
   * @param after changes up to this version are skipped, so that the value has only later ones; null for none
   */
  constructor(path = '', after: number | null = null) {
    this.#place = pathOf(path);
    this.#version = after;
  }

  /** The version up to which changes were received, from which a new connection resumes; null at first. */
  get version(): number | null {
    return this.#version;
  }

  /** The value of the place at `version`; undefined if there is none, or none yet. */
  get value(): Json | undefined {
    if (this.#version === null) return undefined;
    return this.#place.reduce<Json | undefined>((value, member) => memberOf(value, member), this.#data);
  }

  /** Prepares for a new connection. Discards a partial snapshot of the previous one. */
  connect(): void {
    this.#phase = { name: 'greeting' };
  }

  /** Handles one text frame of the current connection. */
  receive(text: string): ContextStep {
    let frame: ContextWatchFrame;
    try {
      frame = JSON.parse(text) as ContextWatchFrame;
    } catch {
      return broken('the frame is not JSON');
    }
    switch (frame.type) {
      case 'hello':
        return this.#greet(frame);
      case 'snapshot':
        return this.#assemble(frame);
      case 'changes':
        return this.#take(frame);
      case 'mark':
        return this.#took({ replies: [{ type: 'ack', mark: frame.mark }] });
      default:
        // A later server version may send other frames.
        return this.#took({ replies: [] });
    }
  }

  /** Handles the hello at the start of a connection, or again when the server cannot send all changes. */
  #greet(hello: ContextWatchFrame & { type: 'hello' }): ContextStep {
    if (hello.mode === 'snapshot') {
      this.#phase = { name: 'snapshot', parts: [], expected: hello.parts, version: hello.version };
      return hello.parts > 0 ? this.#took() : this.#reset(undefined, hello.version);
    }
    if (hello.version !== this.#version) return broken(`expected to resume at ${this.#version}, not ${hello.version}`);
    this.#phase = { name: 'catching_up' };
    return this.#took();
  }

  #assemble(frame: ContextWatchFrame & { type: 'snapshot' }): ContextStep {
    const phase = this.#phase;
    if (phase.name !== 'snapshot') return broken(`unexpected snapshot while ${phase.name}`);
    if (frame.part !== phase.parts.length) return broken(`expected part ${phase.parts.length}, not ${frame.part}`);
    phase.parts.push(frame.data);
    if (phase.parts.length < phase.expected) return this.#took();
    try {
      return this.#reset(JSON.parse(phase.parts.join('')) as Json, phase.version);
    } catch {
      return broken('the snapshot is not JSON');
    }
  }

  #reset(value: Json | undefined, version: number): ContextStep {
    this.#data = this.#place.reduceRight<Json | undefined>(
      (inner, member) => (inner === undefined ? {} : { [member]: inner }),
      value,
    ) as JsonObject;
    this.#version = version;
    this.#phase = { name: 'catching_up' };
    return this.#took({ reset: true });
  }

  #take({ after, version, changes, live }: ContextWatchFrame & { type: 'changes' }): ContextStep {
    if (this.#phase.name !== 'catching_up' && this.#phase.name !== 'live')
      return broken(`unexpected changes while ${this.#phase.name}`);
    const known = this.#version ?? 0;
    if (after > known) return { ok: false, fault: 'gap', detail: `expected changes after ${known}, not ${after}` };
    const fresh = changes.filter((change) => change.version > known);
    this.#data = applyEdits(
      this.#data,
      fresh.flatMap(({ edits }) => edits as Edit[]),
    );
    this.#version = Math.max(known, version);
    if (live) this.#phase = { name: 'live' };
    return this.#took({ changes: fresh });
  }

  /** A follower that has not caught up pulls, unless the frame has another reply. */
  #took({
    changes = [],
    reset = false,
    replies,
  }: {
    changes?: ContextChange[];
    reset?: boolean;
    replies?: WatchRequest[];
  } = {}): ContextStep {
    const live = this.#phase.name === 'live';
    return { ok: true, replies: replies ?? (live ? [] : [{ type: 'pull' }]), changes, reset, live };
  }
}

function broken(detail: string): ContextStep {
  return { ok: false, fault: 'protocol', detail };
}
