import { afterEach, describe, expect, it } from 'vitest';
import { startAgent } from '../../docs/clients/agent.js';
import type { AgentPerformance } from '../../src/protocol/agent/agent.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import { MAX_COMMENT_CHARS } from '../../src/protocol/common/limits.ts';
import type { FinishedAssignment } from '../../src/protocol/session/rating.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import type { TranscriptPage } from '../../src/protocol/session/transcript-page.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import { eventually } from '../support/eventually.ts';
import { type Ask, ask, HOST, newWorkspace, signToken } from './http-support.ts';
import { socketsOf } from './support/worker-socket.ts';

const agents: AbortController[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.abort();
});

async function* answer(): AsyncIterable<string> {
  yield 'Done.';
}

/** A workspace with a session. */
async function place() {
  const workspace = newWorkspace();
  const admin = await signToken('admin', workspace);
  const send = (path: string, options: Ask = {}) => ask(`/api/v1/${path}`, { token: admin, ...options });
  const created = await send('sessions', { body: { title: 'A session', initial_prompt: 'one' } });
  const { id } = (await created.json()) as SessionView;
  const task = taskIdOf(id, 1);
  const rate = (body: unknown, options: Ask = {}) => send(`tasks/${task}/rating`, { body, ...options });
  const read = async <T>(path: string) => (await (await send(path)).json()) as T;
  /** Lets an agent do the session. @returns the agent's id */
  const work = async () => {
    const [agentId, end] = [crypto.randomUUID(), new AbortController()];
    agents.push(end);
    const WebSocket = socketsOf(() => undefined);
    const created = await send('tokens', { body: { name: 'agents', role: 'agent' } });
    const { token } = (await created.json()) as CreatedToken;
    const fetch = (url: string, { headers, body, ...options }: RequestInit) =>
      ask(url.slice(HOST.length), { ...options, headers, raw: body } as Ask);
    const { signal } = end;
    startAgent({ url: HOST, token, agentId, name: 'AGENT-RATED', answer, fetch, WebSocket, signal } as never);
    await send(`sessions/${id}/start`, { method: 'POST' });
    await eventually(async () => expect(await read(`sessions/${id}`)).toMatchObject({ status: 'completed' }));
    return agentId;
  };
  return { workspace, id, task, send, rate, read, work };
}

describe('the rating of a task', () => {
  it('is shown by its session, and becomes the quality of the agent that did it; the next one replaces it', async () => {
    const { id, rate, read, work } = await place();
    const agentId = await work();
    const response = await rate({ quality: 0.4, comment: 'Works.' });
    expect(response.status).toBe(200);
    const rated = (await response.json()) as FinishedAssignment;
    expect(rated).toMatchObject({
      agent_id: agentId,
      status: 'completed',
      rating: { quality: 0.4, comment: 'Works.' },
    });
    const session = await read<SessionView>(`sessions/${id}?include=tasks`);
    expect(session.tasks).toMatchObject([{ last_assignment: rated }]);
    const { items } = await read<TranscriptPage>(`sessions/${id}/transcript`);
    expect(items.at(-1)).toMatchObject({ kind: 'rating', quality: 0.4, agent_name: 'AGENT-RATED' });
    const performance = () => read<AgentPerformance>(`agents/${agentId}/performance`);
    await eventually(async () =>
      expect(await performance()).toMatchObject({ quality: 0.4, by_day: [{ quality: 0.4 }] }),
    );
    expect((await rate({ quality: 1 })).status).toBe(200);
    await eventually(async () => expect(await performance()).toMatchObject({ quality: 1, counts: { completed: 1 } }));
  });

  it('is given once with an idempotency key', async () => {
    const { id, rate, read, work } = await place();
    await work();
    const headers = { 'Idempotency-Key': 'rate-1' };
    const first = await (await rate({ quality: 0.4 }, { headers })).json();
    await rate({ quality: 0.8 });
    expect(await (await rate({ quality: 0.4 }, { headers })).json()).toEqual(first);
    expect((await rate({ quality: 0.5 }, { headers })).status).toBe(422);
    const session = await read<SessionView>(`sessions/${id}?include=tasks`);
    expect(session.tasks).toMatchObject([{ last_assignment: { rating: { quality: 0.8 } } }]);
  });

  it('needs finished work, a task that exists, and a person of the workspace', async () => {
    const { workspace, id, task, rate, send } = await place();
    const refused = await rate({ quality: 1 });
    expect([refused.status, await refused.json()]).toEqual([409, expect.objectContaining({ code: 'nothing_to_rate' })]);
    const statusOf = async (path: string, options: Ask = {}) =>
      (await send(path, { body: { quality: 1 }, ...options })).status;
    expect(await statusOf(`tasks/${taskIdOf(id, 2)}/rating`)).toBe(404);
    expect(await statusOf(`tasks/0198c2f0-1a2b-8c3d-9e4f-5a6b00000001/rating`)).toBe(404);
    expect(await statusOf(`tasks/${task}/rating`, { token: await signToken('operator') })).toBe(404);
    for (const role of ['viewer', 'agent'] as const) {
      expect(await statusOf(`tasks/${task}/rating`, { token: await signToken(role, workspace) })).toBe(403);
    }
    const own = { id: crypto.randomUUID(), registered_by: 'static' };
    expect(await statusOf(`tasks/${task}/rating`, { token: await signToken('agent', workspace, 600, own) })).toBe(401);
    expect(await statusOf(`tasks/${id}/rating`)).toBe(422);
    expect(await statusOf('tasks/1/rating')).toBe(422);
  });

  it.each([
    ['a missing number', {}],
    ['null', { quality: null }],
    ['a text', { quality: '0.5' }],
    ['less than 0', { quality: -0.01 }],
    ['more than 1', { quality: 1.01 }],
    ['an empty comment', { quality: 0.5, comment: ' ' }],
    ['a long comment', { quality: 0.5, comment: 'x'.repeat(MAX_COMMENT_CHARS + 1) }],
    ['another author', { quality: 0.5, by: 'somebody else' }],
  ])('must be a number from 0 to 1, with a short comment at most, and not %s', async (_what, body) => {
    const { id, rate, read } = await place();
    const before = await read<SessionView>(`sessions/${id}`);
    expect((await rate(body)).status).toBe(422);
    expect(await read<SessionView>(`sessions/${id}`)).toEqual(before);
  });
});
