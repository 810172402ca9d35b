import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { unpackConversation } from '../../../runner/opencode/conversation-parts.ts';
import type { ConversationMessage } from '../../../runner/work/opencode-port.ts';
import type { Client } from '../../../src/client/client.ts';
import type { SessionWatch } from '../../../src/client/watch.ts';
import { applyEvents, emptyState } from '../../../src/domain/session/session-state.ts';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { AgentProcess } from './agent-process.ts';

/** The complete log of a session on the server. */
export async function readLog(client: Client, id: string): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  let after = beginningOf((await client.sessions.get(id)).cursor);
  for (;;) {
    const page = await client.sessions.events(id, { after });
    expect(page.reset).toBe(false);
    events.push(...page.items);
    if (!page.has_more) return events;
    after = page.cursor;
  }
}

/** The cursor before the first event of the log to which `cursor` belongs. */
export function beginningOf(cursor: string): string {
  return cursor.replace(/\.\d+$/, '.0');
}

/** Checks that the log has each position once, no gap in any text, and each state of a tool call once. */
export function expectWhole(events: readonly SessionEvent[]): void {
  let head = 0;
  const lengths = new Map<string, number>();
  const told = new Set<string>();
  for (const event of events) {
    expect(event.from_seq, `after ${head}`).toBe(head + 1);
    expect(event.seq).toBeGreaterThanOrEqual(event.from_seq);
    head = event.seq;
    if (event.type === 'text.delta' || event.type === 'reasoning.delta') {
      const { part_id, offset, text } = event.data;
      expect(offset, `text of ${part_id}`).toBe(lengths.get(part_id) ?? 0);
      lengths.set(part_id, offset + text.length);
    } else if (event.type === 'tool' || event.type === 'part.completed') {
      const { data } = event;
      const fact = 'call_id' in data ? `${data.call_id} ${data.state}` : data.part_id;
      expect(told.has(fact), `${fact} is reported twice`).toBe(false);
      told.add(fact);
    }
    expect(event.type, JSON.stringify(event)).not.toBe('frame.rejected');
  }
}

/** The session had one lease, which ended with its work, and its agent was never taken for lost. */
export function expectOneLease(log: readonly SessionEvent[]): void {
  const leases = log.flatMap((e) => (e.type === 'lease.granted' || e.type === 'lease.ended' ? [e] : []));
  const facts = leases.map(({ data }) => ('reason' in data ? `${data.epoch} ended: ${data.reason}` : `${data.epoch}`));
  expect(facts).toEqual(['1', '1 ended: completed']);
  expect(log.filter((e) => e.type === 'session.status' && e.data.to === 'orphaned')).toEqual([]);
}

/** A watching client has exactly the server's log. */
export function expectSameLog(watch: SessionWatch, log: readonly SessionEvent[]): void {
  expect(watch.state).toEqual(applyEvents(emptyState(), log));
  let head = 0;
  for (const event of watch.events) {
    // Increments that were joined while the client was disconnected arrive again from the first one.
    expect(event.from_seq, `received after ${head}`).toBeLessThanOrEqual(head + 1);
    expect(event.seq, `received after ${head}`).toBeGreaterThan(head);
    head = event.seq;
  }
  expect(head).toBe(log.at(-1)?.seq);
}

/** The conversation in a session's newest checkpoint, read from the object's storage on disk. */
export function readCheckpoint(objects: string, sessionId: string): ConversationMessage[] {
  for (const name of readdirSync(objects)) {
    if (!name.endsWith('.sqlite')) continue;
    const database = new DatabaseSync(join(objects, name), { readOnly: true });
    try {
      const row = database.prepare('SELECT id FROM session').get();
      if (row?.id !== sessionId) continue;
      const checkpoint = database.prepare('SELECT * FROM checkpoints ORDER BY number DESC LIMIT 1').get();
      const chunks = database.prepare('SELECT data FROM artifact_chunks WHERE artifact = ? ORDER BY number');
      const bytesOf = (id: string) =>
        Buffer.concat(chunks.all(id).map(({ data }) => Buffer.from(String(data), 'base64')));
      const parts = JSON.parse(String(checkpoint?.conversation_parts)) as { artifact_id: string }[];
      const earlier = parts.map(({ artifact_id }) => bytesOf(artifact_id));
      const bytes = bytesOf(String(checkpoint?.conversation_artifact));
      return unpackConversation({ format: String(checkpoint?.conversation_format), bytes, earlier }).messages;
    } catch {
      // Another object: the registry, the directory, or a session that was created just now.
    } finally {
      database.close();
    }
  }
  throw new Error(`no object holds a checkpoint of ${sessionId}`);
}

interface Stored {
  info: object;
  parts: object[];
}

/** The conversation of a lease in OpenCode's storage on the disk of a killed agent. Other agents delete theirs. */
export function readConversation(agent: AgentProcess, taskId: string, epoch: number): ConversationMessage[] {
  const path = join(agent.place.home, 'opencode/home/data/opencode/opencode.db');
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database
      .prepare(
        `SELECT s.id AS conversation, m.id AS message, m.data AS info, p.id AS part, p.data AS data FROM session s
         JOIN message m ON m.session_id = s.id LEFT JOIN part p ON p.message_id = m.id
         WHERE s.parent_id IS NULL AND s.directory LIKE ? ORDER BY m.id, p.id`,
      )
      .all(`%/worktrees/${taskId}-${epoch}`);
    const messages = new Map<string, Stored>();
    for (const row of rows as Record<string, string>[]) {
      const { conversation: sessionID, message = '', info = '', part, data = '' } = row;
      const known: Stored = messages.get(message) ?? {
        info: { id: message, sessionID, ...JSON.parse(info) },
        parts: [],
      };
      if (part) known.parts.push({ id: part, messageID: message, ...JSON.parse(data) });
      messages.set(message, known);
    }
    return [...messages.values()] as ConversationMessage[];
  } finally {
    database.close();
  }
}

/**
 * Checks that the log shows all messages of the last lease's conversation in OpenCode and, since that lease was
 * granted, nothing else.
 */
export function expectAgreement(log: readonly SessionEvent[], conversation: readonly ConversationMessage[]): void {
  const { transcript } = applyEvents(emptyState(), log);
  const answers = conversation.filter(({ info }) => info.role === 'assistant');
  expect(answers.length).toBeGreaterThan(0);
  const shown = new Map(transcript.map((item) => [item.id, item]));
  for (const part of answers.flatMap(({ parts }) => parts)) {
    if ((part.type === 'text' || part.type === 'reasoning') && part.text.trim() !== '') {
      // OpenCode trims the end of most texts, and the log trims all of them.
      const text = part.text.trimEnd();
      expect(shown.get(part.id), `the text ${part.id}`).toMatchObject({ kind: part.type, text, done: true });
    } else if (part.type === 'tool') {
      const output = part.state.status === 'completed' ? { output: part.state.output } : {};
      expect(shown.get(`${part.messageID}/${part.callID}`), part.tool).toMatchObject({
        tool: part.tool,
        // OpenCode keeps a call that was cut off as running for ever.
        state: part.state.status === 'running' || part.state.status === 'pending' ? 'error' : part.state.status,
        ...output,
      });
    }
  }
  const granted = log.findLastIndex(({ type }) => type === 'lease.granted');
  const since = log.slice(granted);
  const ids = new Set(answers.map(({ info }) => info.id));
  const newer = new Set<string>(since.flatMap(({ data }) => ('message_id' in data ? [data.message_id] : [])));
  for (const id of newer) expect(ids.has(id), `OpenCode has the message ${id}`).toBe(true);
  const steps = answers.filter(({ info }) => newer.has(info.id)).flatMap(({ parts }) => parts);
  // OpenCode has no usage of a turn that was cut off.
  expect(since.filter((event) => event.type === 'usage' && event.data.unpriced !== true)).toHaveLength(
    steps.filter(({ type }) => type === 'step-finish').length,
  );
}

/** Checks for a lease whose agent was killed: each text in the log is the beginning of OpenCode's text. */
export function expectBeginnings(log: readonly SessionEvent[], conversation: readonly ConversationMessage[]): void {
  const shown = new Map(applyEvents(emptyState(), log).transcript.map((item) => [item.id, item]));
  for (const part of conversation.flatMap(({ parts }) => parts)) {
    const item = shown.get(part.id);
    // OpenCode stores a text when it has ended. Of an unfinished text, only an empty part is stored.
    if (part.type !== 'text' || part.time?.end === undefined || item?.kind !== 'text') continue;
    expect(part.text.startsWith(item.text), `${item.text} … ${part.text}`).toBe(true);
  }
}
