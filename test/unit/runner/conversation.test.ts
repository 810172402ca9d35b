import type { Message, Part, Session } from '@opencode-ai/sdk/v2/client';
import { expect, test } from 'vitest';
import {
  CONVERSATION_FORMAT,
  MAX_UNPACKED_BYTES,
  packConversation,
  TRANSCRIPT_FORMAT,
} from '../../../runner/opencode/conversation.ts';
import { PARTS_FORMAT, packPart, transcript, unpackConversation } from '../../../runner/opencode/conversation-parts.ts';
import type { ConversationMessage, ConversationState } from '../../../runner/work/opencode-port.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const session = { id: 'ses_1', directory: '/srv/tree' } as Session;
const said = (role: 'user' | 'assistant', text: string) => ({
  info: { id: `msg_${text}`, role } as Message,
  parts: [{ type: 'text', text } as Part],
});
const messages = [said('user', 'What is it?'), said('assistant', 'It is this.')];

test('a conversation is packed whole', () => {
  const carried = packConversation(session, messages);
  expect(carried.format).toBe(CONVERSATION_FORMAT);
  expect(unpackConversation(carried)).toEqual({ session, messages });
});

test('a conversation that is too large is packed as a transcript', () => {
  const carried = packConversation(session, messages, 10);
  expect(carried.format).toBe(TRANSCRIPT_FORMAT);
  expect(() => unpackConversation(carried)).toThrow('cannot be read here');
  expect(transcript(carried)).toBe('user: What is it?\n\nassistant: It is this.');
});

test('a transcript holds the newest messages within its bound', () => {
  const long = [
    ...Array.from({ length: 50 }, (_, i) => said('user', `${i} ${'x'.repeat(2_000)}`)),
    said('user', 'last'),
  ];
  const text = transcript(packConversation(session, long, 10));
  expect(text.length).toBeLessThanOrEqual(40_000);
  expect(text.endsWith('user: last')).toBe(true);
});

/** An agent's side of the parts of a conversation: what it has sent so far. */
class Sender {
  state: ConversationState | null = null;
  parts: Uint8Array[] = [];
  format = '';
  readonly #maxParts: number;

  constructor(maxParts = 20) {
    this.#maxParts = maxParts;
  }

  /** @returns how the messages were sent */
  send(all: ConversationMessage[]): string {
    const exported = packPart(session, all, this.state, this.#maxParts);
    if (exported.kind === 'same') return exported.kind;
    this.parts = exported.kind === 'whole' ? [exported.bytes] : [...this.parts, exported.bytes];
    this.state = exported.state;
    this.format = exported.format;
    return exported.kind;
  }

  get received(): ConversationMessage[] {
    const bytes = this.parts.at(-1)!;
    return unpackConversation({ format: this.format, bytes, earlier: this.parts.slice(0, -1) }).messages;
  }
}

const random = seededRandom(1);
const long = (name: string) =>
  said('assistant', `${name} ${Array.from({ length: 500 }, () => random().toString(36)).join(' ')}`);

test('a conversation that grows is sent in parts, each with what is new, and put together again', () => {
  const sender = new Sender();
  const all = [long('one'), long('two'), long('three'), long('four')];
  expect(sender.send(all)).toBe('whole');
  expect(sender.format).toBe(CONVERSATION_FORMAT);
  expect(sender.send([...all])).toBe('same');
  // The last message ends, and more follow.
  const next = [...all.slice(0, 3), said('assistant', 'four, ended'), said('user', 'On!')];
  expect(sender.send(next)).toBe('continuation');
  expect(sender.format).toBe(PARTS_FORMAT);
  expect(sender.parts[1]!.byteLength).toBeLessThan(sender.parts[0]!.byteLength / 10);
  expect(sender.received).toEqual(next);
  // Messages were taken back.
  expect(sender.send(next.slice(0, 4))).toBe('continuation');
  expect(sender.received).toEqual(next.slice(0, 4));
});

test('a conversation is sent whole when an early message has changed, and when there are enough parts', () => {
  const sender = new Sender(3);
  const all = [long('one'), long('two')];
  sender.send(all);
  const compacted = [said('user', 'A summary.'), all[1]!];
  expect(sender.send(compacted)).toBe('whole');
  const sent = [1, 2, 3, 4].map((number) => {
    compacted.push(said('user', `${number}`));
    return sender.send(compacted);
  });
  expect(sent).toEqual(['continuation', 'continuation', 'whole', 'continuation']);
  expect(sender.received).toEqual(compacted);
});

test('a conversation with a missing part is refused, and what is there is a transcript', () => {
  const sender = new Sender();
  sender.send([long('one'), long('two')]);
  sender.send([...sender.received, said('user', 'On!')]);
  const exported = { format: PARTS_FORMAT, bytes: sender.parts[1]! };
  expect(() => unpackConversation(exported)).toThrow('a part of the conversation is missing');
  expect(transcript(exported)).toBe('user: On!');
});

test('a conversation is sent whole when its parts would be too large to unpack together', () => {
  const sender = new Sender();
  const all = [long('one'), long('two')];
  sender.send(all);
  expect(sender.state!.unpackedBytes).toBe(JSON.stringify({ session, messages: all }).length);
  const next = [...all, said('user', 'On!')];
  sender.state = { ...sender.state!, unpackedBytes: MAX_UNPACKED_BYTES - 100 };
  expect(sender.send(next)).toBe('whole');
  expect(sender.received).toEqual(next);
  const added = JSON.stringify({ session, from: 3, messages: [said('user', 'More!')] }).length;
  sender.state = { ...sender.state, unpackedBytes: MAX_UNPACKED_BYTES - added };
  expect(sender.send([...next, said('user', 'More!')])).toBe('continuation');
  expect(sender.state.unpackedBytes).toBe(MAX_UNPACKED_BYTES);
});

test.each([
  ['its newest part, if an earlier one is damaged', [Buffer.from('damaged')], packed('On!'), 'user: On!'],
  ['nothing, if the newest part is damaged too', [packed('On!')], Buffer.from('damaged'), ''],
])('the transcript of a damaged conversation has %s', (_, earlier, bytes, expected) => {
  expect(transcript({ format: PARTS_FORMAT, bytes, earlier })).toBe(expected);
});

test('the transcript of a conversation whose text is damaged is empty', () => {
  expect(transcript({ format: TRANSCRIPT_FORMAT, bytes: Buffer.from('damaged') })).toBe('');
});

function packed(text: string): Uint8Array {
  return packConversation(session, [said('user', text)]).bytes;
}
