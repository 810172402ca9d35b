import { describe, expect, it } from 'vitest';
import { MAX_ASK_CHARS, utf8Length } from '../../src/protocol/common/limits.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { CreateSessionRequest } from '../../src/protocol/session/requests.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';
import { SocketAgent, sessionObject } from './support/session-in-workerd.ts';

const SESSIONS = '/api/v1/sessions';
const KIB = 1_024;
/** One character that takes six bytes of JSON, the most for a character. */
const WIDE = '\u0001';

/** A text that takes this many bytes of JSON. */
function textOf(bytes: number): string {
  return WIDE.repeat(Math.floor(bytes / 6)) + 'a'.repeat(bytes % 6);
}

function jsonBytes(value: unknown): number {
  return utf8Length(JSON.stringify(value));
}

/** A body with all members at their limits. Its prompt fills it up to the limit of the whole body. */
function largestSession(more = 0) {
  const permissions = Array.from({ length: 100 }, (_, index) => [
    `bash_${'x'.repeat(Math.floor(index / 26))}${String.fromCharCode(97 + (index % 26))}`,
    'ask',
  ]);
  const body = {
    // People read titles and tags, so these have no such character. Each tag occurs once.
    title: '語'.repeat(100),
    tags: Array.from({ length: 20 }, (_, index) => `${'語'.repeat(48)}${10 + index}`),
    metadata: { text: textOf(16 * KIB - jsonBytes({ text: '' })) },
    agent_config: { system: WIDE.repeat(5_000), permissions: Object.fromEntries(permissions) },
  };
  const room = 512 * KIB - jsonBytes(CreateSessionRequest().parse({ ...body, initial_prompt: 'a' })) + 1;
  return { ...body, initial_prompt: textOf(room + more) };
}

function largestResult(more = 0) {
  const result = { success: false, summary: WIDE.repeat(20_000), log: '' };
  return { result: { ...result, log: textOf(256 * KIB - jsonBytes(result) + more) } };
}

/** A caller whose requests all have an idempotency key, so that their responses are stored. */
async function operator(workspace = newWorkspace()) {
  const token = await signToken('operator', workspace);
  return (path: string, body: unknown = {}) =>
    ask(path, { token, body, headers: { 'Idempotency-Key': crypto.randomUUID() } });
}

async function problemOf(response: Response): Promise<unknown> {
  return [response.status, await response.json()];
}

const tooLarge = (message: string) => [
  422,
  expect.objectContaining({ errors: [expect.objectContaining({ message })] }),
];

describe('the largest body that the schemas allow', () => {
  it('creates and completes a session, and one more byte is refused', async () => {
    const post = await operator();
    expect(await problemOf(await post(SESSIONS, largestSession(1)))).toEqual(
      tooLarge('must be at most 512 KiB of JSON'),
    );
    const created = await post(SESSIONS, largestSession());
    expect(created.status).toBe(201);
    const { id } = (await created.json()) as SessionView;
    expect((await post(`${SESSIONS}/${id}/start`)).status).toBe(200);
    expect(await problemOf(await post(`${SESSIONS}/${id}/complete`, largestResult(1)))).toEqual(
      tooLarge('must be at most 256 KiB of JSON'),
    );
    const completed = await post(`${SESSIONS}/${id}/complete`, largestResult());
    expect(completed.status).toBe(200);
    expect(await completed.json()).toMatchObject({ status: 'failed', ...largestResult() });
  });

  it('is measured as it is stored, so that a short notation of a long number does not pass', async () => {
    const post = await operator();
    const { id } = (await (await post(SESSIONS, { title: 'Numbers', initial_prompt: 'x' })).json()) as SessionView;
    await post(`${SESSIONS}/${id}/start`);
    const numbers = Array.from({ length: 13_000 }, () => '1e20').join();
    const response = await post(`${SESSIONS}/${id}/complete`, `{"result":{"numbers":[${numbers}]}}`);
    expect(await problemOf(response)).toEqual(tooLarge('must be at most 256 KiB of JSON'));
  });

  it('answers the largest question, and one more byte is refused', async () => {
    const session = sessionObject();
    const post = await operator(session.workspace);
    await session.api.create(session.call, session.id, CreateSessionRequest().parse(largestSession()));
    await session.api.act(session.call, { action: 'start' });
    const agent = await new SocketAgent(session).connect();
    const questions = Array.from({ length: 50 }, () => ({ question: '?', header: '', options: [], multiple: true }));
    const asked = {
      ask_id: 'q',
      kind: 'question' as const,
      title: 'Which?',
      permission: null,
      patterns: [],
      always: [],
      questions,
      detail: { text: '' },
    };
    // The text with the most bytes within the limit, which counts characters.
    asked.detail.text = '語'.repeat(MAX_ASK_CHARS - JSON.stringify(asked).length);
    const frame: AgentFrameBody = { type: 'approval.asked', data: asked };
    await agent.send(frame);
    const listed = await session.api.approvals(session.call);
    const [approval] = listed.ok ? listed.value.items : [];
    const answers = questions.map((): string[] => []);
    const answer = (bytes: number) => {
      const room = bytes - jsonBytes(answers) - answers.length * 2;
      const [each, rest] = [Math.floor(room / answers.length), room % answers.length];
      const filled = answers.map((_, index) => [textOf(each + (index === 0 ? rest : 0))]);
      const body = { decision: 'once', message: WIDE.repeat(5_000), answers: filled };
      return post(`${SESSIONS}/${session.id}/approvals/${approval!.id}`, body);
    };
    expect(await problemOf(await answer(64 * KIB + 1))).toEqual(tooLarge('must be at most 64 KiB of JSON'));
    expect((await answer(64 * KIB)).status).toBe(200);
  });

  it.each([
    [
      'permissions',
      (names: string[]) => Object.fromEntries(names.map((name) => [name, 'ask'])),
      'at most 100 permissions',
    ],
    [
      'patterns of a permission',
      (names: string[]) => ({ bash: Object.fromEntries(names.map((name) => [name, 'ask'])) }),
      'must have at most 100 patterns',
    ],
  ])('has 100 %s', async (_what, permissionsOf, message) => {
    const post = await operator();
    const names = Array.from({ length: 101 }, (_, index) =>
      'abcdefghij'[index % 10]!.repeat(1 + Math.floor(index / 10)),
    );
    const create = (count: number) => {
      const agent_config = { permissions: permissionsOf(names.slice(0, count)) };
      return post(SESSIONS, { title: 'Permissions', initial_prompt: 'x', agent_config });
    };
    const refused = await create(101);
    expect(refused.status).toBe(422);
    expect(JSON.stringify(await refused.json())).toContain(message);
    expect((await create(100)).status).toBe(201);
  });
});
