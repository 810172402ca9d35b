import type { Message, Part, Session } from '@opencode-ai/sdk/v2/client';
import { expect, test } from 'vitest';
import {
  CONVERSATION_FORMAT,
  packConversation,
  TRANSCRIPT_FORMAT,
  transcript,
  unpackConversation,
} from '../../../runner/opencode/conversation.ts';

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
