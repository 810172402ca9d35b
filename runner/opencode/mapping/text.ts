import type { ReasoningPart, TextPart } from '@opencode-ai/sdk/v2/client';
import { cutPoint } from '../../../src/protocol/common/text.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';

/** The most text in one frame. More would delay watchers; less would create too many frames. */
const MAX_FRAME_CHARS = 16_384;
/** The longest word that is held back. Secrets are shorter. */
const MAX_HELD_CHARS = 4_096;

interface OpenPart {
  kind: 'text' | 'reasoning';
  messageId: string;
  received: string;
  /** The number of UTF-16 code units that frames were created for. */
  sent: number;
  /** Increments were missed, so the offsets of later ones are unknown. Only the whole text closes the gap. */
  gapped: boolean;
}

/**
 * Turns streamed text into increments with offsets. OpenCode trims a text when it ends, so trailing white space is held
 * back: the reported text is always a prefix of the final text. The last word of a text that grows is held back too, so
 * that a secret is never cut in two before it is masked.
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
    // OpenCode announces a part before its first increment. If the part is unknown, its beginning was missed.
    if (part === undefined) this.#open.set(partId, { kind: 'text', messageId, received: '', sent: 0, gapped: true });
    else if (!part.gapped) part.received += text;
  }

  /** Takes the whole text of a part so far. Returns frames if the text is final. */
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

  /** Increments of the open parts may be missing from now on. */
  markGap(): void {
    for (const part of this.#open.values()) part.gapped = true;
  }

  /** Frames for the text that came since the last flush. */
  flush(): AgentFrameBody[] {
    return [...this.#open].flatMap(([id, part]) => {
      const whole = part.received.slice(0, wordStart(part.received, part.received.length));
      return increments(id, part, whole.trimEnd().length);
    });
  }

  /** Completes all open parts, since the turn has ended. */
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
    const text = part.received.slice(part.sent, frameEnd(part, upTo));
    const data = { message_id: part.messageId, part_id: partId, offset: part.sent, text };
    frames.push({ type: part.kind === 'text' ? 'text.delta' : 'reasoning.delta', data });
    part.sent += text.length;
  }
  return frames;
}

function frameEnd({ received, sent }: OpenPart, upTo: number): number {
  const longest = sent + MAX_FRAME_CHARS;
  return longest < upTo ? wordStart(received, cutPoint(received, longest)) : upTo;
}

/**
 * Where the word begins that ends at `end`; `end` if the text before it is no word. A word is a run of visible ASCII
 * characters, of which secrets consist: a text in another script is not held back.
 */
function wordStart(text: string, end: number): number {
  const tail = text.slice(Math.max(0, end - MAX_HELD_CHARS), end);
  return end - (/[\x21-\x7e]*$/.exec(tail)?.[0].length ?? 0);
}
