import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Session } from '@opencode-ai/sdk/v2/client';
import { MAX_CONVERSATION_BYTES } from '../../src/protocol/common/limits.ts';
import type {
  ConversationMessage,
  ConversationState,
  ExportedConversation,
  ExportedPart,
} from '../work/opencode-port.ts';
import {
  CONVERSATION_FORMAT,
  type ConversationRecord,
  MAX_UNPACKED_BYTES,
  packConversation,
  TRANSCRIPT_FORMAT,
  transcriptOf,
} from './conversation.ts';

/** A whole conversation, and parts that each replace its end. */
export const PARTS_FORMAT = `${CONVERSATION_FORMAT}+parts`;

/** The content of a part. The first one has no `from`, and all messages. */
interface ConversationPart {
  session: Session;
  /** The number of messages before this part that still stand. */
  from?: number;
  messages: ConversationMessage[];
}

/**
 * Packs what is new in a conversation since the parts before. Packs the whole if there are none or enough of them, if
 * all of them would be too large, or if so much has changed that a part is no gain, such as after a compaction.
 *
 * @param maxParts the most parts of a conversation; 1 if it is to be whole each time
 */
export function packPart(
  session: Session,
  messages: ConversationMessage[],
  before: ConversationState | null,
  maxParts: number,
): ExportedPart {
  const digests = messages.map(digestOf);
  if (before !== null && before.parts < maxParts) {
    const from = firstDifference(before.digests, digests);
    if (from === digests.length && from === before.digests.length) return { kind: 'same' };
    const part: ConversationPart = { session, from, messages: messages.slice(from) };
    const text = Buffer.from(JSON.stringify(part));
    const bytes = new Uint8Array(gzipSync(text));
    const total = before.bytes + bytes.byteLength;
    const unpackedBytes = before.unpackedBytes + text.byteLength;
    const fits = total <= MAX_CONVERSATION_BYTES && unpackedBytes <= MAX_UNPACKED_BYTES;
    if (fits && bytes.byteLength <= before.bytes / 2) {
      const state = { digests, bytes: total, unpackedBytes, parts: before.parts + 1 };
      return { kind: 'continuation', format: PARTS_FORMAT, bytes, state };
    }
  }
  const { format, bytes, unpackedBytes } = packConversation(session, messages);
  const isRecord = format === CONVERSATION_FORMAT;
  const state = isRecord ? { digests, bytes: bytes.byteLength, unpackedBytes, parts: 1 } : null;
  return { kind: 'whole', format, bytes, state };
}

/**
 * Puts a conversation together.
 * @throws when a part is damaged, or is missing although `isWhole`
 */
function joinParts(parts: readonly Uint8Array[], isWhole: boolean): ConversationRecord {
  let left = MAX_UNPACKED_BYTES;
  let joined: ConversationRecord | null = null;
  for (const bytes of parts) {
    const text = gunzipSync(bytes, { maxOutputLength: left });
    left -= text.byteLength;
    const { session, from = 0, messages } = JSON.parse(text.toString('utf8')) as Partial<ConversationPart>;
    if (!session?.id || !Array.isArray(messages)) throw new Error('not a conversation');
    const before: ConversationMessage[] = joined?.messages ?? [];
    if (isWhole && from > before.length) throw new Error('a part of the conversation is missing');
    joined = { session, messages: [...before.slice(0, from), ...messages] };
  }
  if (joined === null) throw new Error('not a conversation');
  return joined;
}

/** @throws when another release wrote the format, or the bytes are not a conversation */
export function unpackConversation({ format, bytes, earlier = [] }: ExportedConversation): ConversationRecord {
  const isKnown = format === CONVERSATION_FORMAT || format === PARTS_FORMAT;
  if (!isKnown) throw new Error(`conversations of format ${format} cannot be read here`);
  return joinParts([...earlier, bytes], true);
}

/**
 * The end of the conversation as text, for a model that cannot get the messages themselves. Never throws, because
 * nothing else can replace the conversation: what cannot be read is left out.
 */
export function transcript({ format, bytes, earlier = [] }: ExportedConversation): string {
  const ofParts = (parts: Uint8Array[]) => () => transcriptOf(joinParts(parts, false).messages);
  const ofText = () => gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES }).toString('utf8');
  const attempts = format === TRANSCRIPT_FORMAT ? [ofText] : [ofParts([...earlier, bytes]), ofParts([bytes])];
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch {}
  }
  return '';
}

function digestOf(message: ConversationMessage): string {
  return createHash('sha256').update(JSON.stringify(message)).digest('base64');
}

function firstDifference(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((digest, index) => digest !== b[index]);
  return at < 0 ? a.length : at;
}
