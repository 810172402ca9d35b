import { gzipSync } from 'node:zlib';
import type { Message, Part, PermissionRule, Session } from '@opencode-ai/sdk/v2/client';
import { MAX_CONVERSATION_BYTES } from '../../src/protocol/common/limits.ts';
import type { ConversationMessage, ExportedConversation } from '../work/opencode-port.ts';
import { OPENCODE_VERSION } from './binary.ts';

/** Names the record below and the OpenCode release that wrote it, since message parts differ between releases. */
export const CONVERSATION_FORMAT = `opencode-${OPENCODE_VERSION}+json+gzip`;
/** Replaces a conversation that is too large. No server can import it; its text goes before the next prompt instead. */
export const TRANSCRIPT_FORMAT = 'oio-transcript+gzip';
/** The most that a conversation is unpacked to, with all its parts. */
export const MAX_UNPACKED_BYTES = 128 * 1_048_576;

/** The exported record: OpenCode's session and all its messages, finished or not. */
export interface ConversationRecord {
  session: Session;
  messages: ConversationMessage[];
}

/** One durable event for `POST /sync/replay`. */
export interface ReplayEvent {
  id: string;
  aggregateID: string;
  seq: number;
  type: string;
  data: Record<string, unknown>;
}

/** @returns the packed conversation, or a transcript of its end when it is too large, packed or not */
export function packConversation(
  session: Session,
  messages: ConversationMessage[],
  maxBytes: number = MAX_CONVERSATION_BYTES,
): ExportedConversation & { unpackedBytes: number } {
  const record: ConversationRecord = { session, messages };
  const text = Buffer.from(JSON.stringify(record));
  const bytes = text.byteLength <= MAX_UNPACKED_BYTES ? gzipSync(text) : null;
  if (bytes !== null && bytes.byteLength <= maxBytes)
    return { format: CONVERSATION_FORMAT, bytes: new Uint8Array(bytes), unpackedBytes: text.byteLength };
  const end = Buffer.from(transcriptOf(messages));
  return { format: TRANSCRIPT_FORMAT, bytes: new Uint8Array(gzipSync(end)), unpackedBytes: end.byteLength };
}

const TRANSCRIPT_CHARS = 40_000;

/** The end of the conversation as text, for a model that cannot get the messages themselves. */
export function transcriptOf(messages: ConversationMessage[]): string {
  const lines = messages.flatMap(({ info, parts }) => parts.flatMap((part) => transcriptLine(info.role, part)));
  return lines.join('\n\n').slice(-TRANSCRIPT_CHARS);
}

function transcriptLine(role: string, part: Part): string[] {
  if (part.type === 'text') return [`${role}: ${part.text}`];
  if (part.type !== 'tool') return [];
  const result = part.state.status === 'completed' ? part.state.output.slice(0, 2_000) : part.state.status;
  return [`${role} called ${part.tool} ${JSON.stringify(part.state.input).slice(0, 2_000)} → ${result}`];
}

/** The directory, project and time on the machine that imports a conversation. */
export interface ImportTarget {
  directory: string;
  /** Milliseconds since the epoch. */
  now: number;
  projectId: string;
  permissions: PermissionRule[];
}

/**
 * The shortest list of durable events that creates this conversation in the new directory. Totals start at zero,
 * because OpenCode adds the steps in the messages to them again.
 */
export function replayEvents(record: ConversationRecord, target: ImportTarget): ReplayEvent[] {
  const { session } = record;
  const events: ReplayEvent[] = [];
  const add = (type: string, data: Record<string, unknown>) => {
    const seq = events.length;
    const id = `evt_${session.id.slice(-20)}${seq.toString(36).padStart(8, '0')}`;
    events.push({ id, aggregateID: session.id, seq, type, data: { sessionID: session.id, ...data } });
  };
  add('session.created.1', { info: importedSession(session, target) });
  // OpenCode orders messages by time, so none may be later than the next prompt.
  const ahead = Math.max(0, ...record.messages.map(({ info }) => newestTime(info) - target.now + 1));
  for (const { info: original, parts } of record.messages) {
    const info = shiftedBack(original, ahead);
    add('message.updated.1', { info: withDirectory(info, session.directory, target.directory) });
    for (const part of parts) {
      add('message.part.updated.1', {
        part: withDirectory(part, session.directory, target.directory),
        time: info.time.created,
      });
    }
  }
  return events;
}

function newestTime({ time }: Message): number {
  return Math.max(time.created, 'completed' in time ? (time.completed ?? 0) : 0);
}

/** The message with all its times moved back by `ms`. */
function shiftedBack<T extends Message>(info: T, ms: number): T {
  const times = Object.entries(info.time).map(([name, at]) => [name, at - ms]);
  return { ...info, time: Object.fromEntries(times) };
}

function importedSession(session: Session, target: ImportTarget): Session {
  const { share: _share, revert: _revert, summary: _summary, workspaceID: _workspace, ...rest } = session;
  return {
    ...rest,
    projectID: target.projectId,
    directory: target.directory,
    permission: target.permissions,
    cost: 0,
    tokens: { input: 0, output: 0, reasoning: 0, cache: { read: 0, write: 0 } },
  };
}

/** The message or part with every occurrence of the old directory's path replaced. */
function withDirectory<T extends Message | Part>(value: T, from: string, to: string): T {
  if (from === to) return value;
  const escaped = JSON.stringify(from).slice(1, -1);
  return JSON.parse(JSON.stringify(value).replaceAll(escaped, JSON.stringify(to).slice(1, -1))) as T;
}
