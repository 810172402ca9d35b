import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TextStream } from '../../../runner/opencode/mapping/text.ts';
import { knownSecrets, redaction } from '../../../runner/redaction.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';

const KNOWN = 'a-password-of-the-house';
const SECRETS = [
  KNOWN,
  'sk-live-abcDEF1234567890abcdef',
  'sk-ant-api03-abcdefghijklmnop_qrst',
  `ghp_${'a1'.repeat(18)}`,
  `github_pat_${'a1'.repeat(20)}`,
  `glpat-${'a1'.repeat(10)}`,
  'xoxb-1234567890-abcdef',
  'AKIAIOSFODNN7EXAMPLE',
  `AIza${'a'.repeat(35)}`,
  `npm_${'a1'.repeat(18)}`,
  `hf_${'a1'.repeat(16)}`,
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijklmnop',
];
const TEXT = `${SECRETS.join(' and ')}; Authorization: Bearer 0123456789abcdef0123; https://me:hunter22@example.org/x
-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEA
-----END RSA PRIVATE KEY-----`;

const at = { message_id: 'm', call_id: 'c' };
const frames: AgentFrameBody[] = [
  { type: 'text.delta', data: { message_id: 'm', part_id: 'p', offset: 0, text: TEXT } },
  { type: 'reasoning.delta', data: { message_id: 'm', part_id: 'p', offset: 0, text: TEXT } },
  { type: 'tool', data: { ...at, tool: 'bash', state: 'running', title: TEXT, input: { a: [{ deep: TEXT }] } } },
  { type: 'tool', data: { ...at, tool: 'bash', state: 'completed', output: TEXT } },
  { type: 'tool', data: { ...at, tool: 'bash', state: 'error', error: TEXT } },
  { type: 'todo', data: { items: [{ content: TEXT, status: 'pending' }] } },
  { type: 'agent.note', data: { level: 'error', text: TEXT } },
  { type: 'released', data: { reason: 'refused', message: TEXT } },
  {
    type: 'result',
    data: {
      status: 'failed',
      text: TEXT,
      messages_done: 1,
      error: { code: 'api_error', message: TEXT, retryable: false },
    },
  },
];

it.each(frames)('a frame of type $type has no secret anywhere, and its texts keep their length', (frame) => {
  const before = JSON.stringify(frame);
  const after = JSON.stringify(redaction([KNOWN])(frame));
  const hidden = [...SECRETS, '0123456789abcdef0123', 'hunter22', 'MIIEowIBAAKCAQEA'];
  expect(hidden.filter((secret) => after.includes(secret))).toEqual([]);
  expect(after).toContain('https://me:');
  // A masked line break is one character longer in JSON than its mask.
  const breaks = (text: string) => text.split('\\n').length;
  expect(after.length).toBe(before.length - (breaks(before) - breaks(after)));
});

/** What is reported of a text that arrives in pieces, with a flush after each. */
function streamed(pieces: readonly string[]): string {
  const stream = new TextStream();
  const part = { id: 'p', sessionID: 's', messageID: 'm', type: 'text' as const };
  stream.update({ ...part, text: '' });
  const frames = pieces.flatMap((piece) => {
    stream.delta('m', 'p', piece);
    return stream.flush();
  });
  const ended = stream.update({ ...part, text: pieces.join(''), time: { start: 0, end: 1 } });
  const redact = redaction([KNOWN]);
  const reported = [...frames, ...ended].map(redact);
  return reported.map((frame) => (frame.type === 'text.delta' ? frame.data.text : '')).join('');
}

it.each([
  { what: 'a key', pieces: ['the key is sk-live-abc', 'DEF1234567', '890abcdef, keep it'], secret: 'DEF1234567' },
  { what: 'a bearer token', pieces: ['Bearer ', '0123456789', 'abcdef0123 x'], secret: '0123456789' },
  {
    what: 'a private key',
    pieces: ['-----BEGIN PRIVATE KEY-----\n', 'MIIEowIBAAKCAQEA\n', 'AAAA\n-----END PRIVATE KEY-----\n'],
    secret: 'MIIEowIBAAKCAQEA',
  },
  { what: 'a key across two frames', pieces: [`${'a word '.repeat(2_340)}${KNOWN} and more`], secret: 'house' },
])('$what that a model streams in pieces is masked', ({ pieces, secret }) => {
  const text = streamed(pieces);
  expect(text).not.toContain(secret);
  expect(text).toHaveLength(pieces.join('').trimEnd().length);
});

it('the output of a command is masked across its increments', () => {
  const redact = redaction([]);
  const lines = ['-----BEGIN PRIVATE KEY-----\n', 'MIIEowIBAAKCAQEA\n', 'AAAA\n-----END PRIVATE KEY-----\nafter\n'];
  const reported = lines.map((text, offset) => redact({ type: 'tool.output', data: { ...at, offset, text } }));
  const texts = reported.map((frame) => (frame.type === 'tool.output' ? frame.data.text : ''));
  expect(texts.join('')).not.toContain('MIIE');
  expect(texts.join('')).toMatch(/\nafter\n$/);
});

it('text in a script without spaces is not held back', () => {
  const stream = new TextStream();
  stream.update({ id: 'p', sessionID: 's', messageID: 'm', type: 'text', text: '' });
  stream.delta('m', 'p', '日本語の文章');
  expect(stream.flush()).toMatchObject([{ data: { text: '日本語の文章' } }]);
});

it('text without secrets stays as it is', () => {
  const text =
    'const task = "sk-8"; see https://example.org:8080/a@b and commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904';
  const frame: AgentFrameBody = { type: 'agent.note', data: { level: 'info', text } };
  expect(redaction(['short'])(frame)).toEqual(frame);
});

it('the keys and logins that OpenCode uses are known, and other settings are not', () => {
  const home = mkdtempSync(join(tmpdir(), 'oio-secrets-'));
  mkdirSync(join(home, '.local/share/opencode'), { recursive: true });
  const logins = { anthropic: { type: 'oauth-login', refresh: 'refresh-token-1', access: 'access-token-1' } };
  writeFileSync(join(home, '.local/share/opencode/auth.json'), JSON.stringify(logins));
  try {
    const environment = { HOME: home, OPENAI_API_KEY: 'key-of-openai', AWS_REGION: 'eu-central-1' };
    const own = knownSecrets({ kind: 'own', environment }, 'the-token');
    expect(own).toEqual(expect.arrayContaining(['the-token', 'key-of-openai', 'refresh-token-1', 'access-token-1']));
    expect(own).not.toContain('eu-central-1');
    const config = { provider: { mine: { options: { baseURL: 'https://model.example', apiKey: 'key-in-config' } } } };
    expect(knownSecrets({ kind: 'given', config }, 'the-token')).toEqual(['the-token', 'key-in-config']);
  } finally {
    rmSync(home, { recursive: true });
  }
});

it('a secret that begins with another one is masked whole, and also as a name', () => {
  const redact = redaction(['house-key']);
  redact.add('house-key-and-more');
  const frame: AgentFrameBody = {
    type: 'tool',
    data: { ...at, tool: 'x', state: 'running', input: { 'house-key-and-more': 1, text: 'house-key-and-more' } },
  };
  expect(redact(frame)).toMatchObject({ data: { input: { 'hous**************': 1, text: 'hous**************' } } });
});
