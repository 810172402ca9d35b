import type { ReasoningPart, TextPart } from '@opencode-ai/sdk/v2/client';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';

/** A frame carries at most this much text: more would keep watchers waiting, less would make too many rows. */
const MAX_FRAME_CHARS = 16_384;

interface OpenPart {
  kind: 'text' | 'reasoning';
  messageId: string;
  received: string;
  /** UTF-16 units that frames were made for. */
  sent: number;
  /** Increments were missed, so later ones have no known place: only the whole text helps. */
  gapped: boolean;
}

/**
 * Turns streamed text into increments with offsets. Trailing white space is held back, because OpenCode trims a text
 * when it ends: what was reported is always the beginning of the final text.
 */
export class TextStream {
  readonly #open = new Map<string, OpenPart>();
  readonly #done = new Set<string>();

  /** Parts that an earlier lease reported. */
  skip(partId: string): void {
    this.#done.add(partId);
  }

  delta(messageId: string, partId: string, text: string): void {
    if (this.#done.has(partId)) return;
    const part = this.#open.get(partId);
    // Each part is announced before its first increment: of one that was not, the beginning was missed.
    if (part === undefined) this.#open.set(partId, { kind: 'text', messageId, received: '', sent: 0, gapped: true });
    else if (!part.gapped) part.received += text;
  }

  /** Takes a part's whole text so far; frames come out when that is its final text. */
  update(part: TextPart | ReasoningPart): AgentFrameBody[] {
    if (this.#done.has(part.id)) return [];
    const known = this.#open.get(part.id) ?? {
      kind: part.type,
      messageId: part.messageID,
      received: '',
      sent: 0,
      gapped: false,
    };
    known.kind = part.type;
    if (part.text.length >= known.received.length || part.time?.end !== undefined) known.received = part.text;
    this.#open.set(part.id, known);
    return part.time?.end === undefined ? [] : this.#complete(part.id, known);
  }

  /** From now on increments of the open parts may be missing. */
  markGap(): void {
    for (const part of this.#open.values()) part.gapped = true;
  }

  /** Frames for the text that came since the last flush. */
  flush(): AgentFrameBody[] {
    return [...this.#open].flatMap(([id, part]) => increments(id, part, part.received.trimEnd().length));
  }

  /** The turn is over: what is still open has its final text. */
  finish(): AgentFrameBody[] {
    return [...this.#open].flatMap(([id, part]) => this.#complete(id, part));
  }

  #complete(partId: string, part: OpenPart): AgentFrameBody[] {
    this.#open.delete(partId);
    this.#done.add(partId);
    const length = Math.max(part.received.trimEnd().length, part.sent);
    const frames = increments(partId, part, length);
    if (length === 0) return frames;
    return [...frames, { type: 'part.completed', data: { message_id: part.messageId, part_id: partId, length } }];
  }
}

function increments(partId: string, part: OpenPart, upTo: number): AgentFrameBody[] {
  const frames: AgentFrameBody[] = [];
  while (part.sent < upTo) {
    const text = part.received.slice(part.sent, cutPoint(part.received, Math.min(part.sent + MAX_FRAME_CHARS, upTo)));
    const data = { message_id: part.messageId, part_id: partId, offset: part.sent, text };
    frames.push({ type: part.kind === 'text' ? 'text.delta' : 'reasoning.delta', data });
    part.sent += text.length;
  }
  return frames;
}

/** The same place, or one before it when it would split a surrogate pair. */
function cutPoint(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  return at < text.length && unit >= 0xd800 && unit <= 0xdbff ? at - 1 : at;
}
