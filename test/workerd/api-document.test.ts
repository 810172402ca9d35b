import { expect, it } from 'vitest';
import text from '../../docs/API.md?raw';
import { endpointOf, OPERATION_IDS } from '../../src/protocol/endpoints/endpoints.ts';
import type { OperationId } from '../../src/protocol/endpoints/routes.ts';
import { ask, newWorkspace, SESSION_ID, signToken, UUID } from './http-support.ts';
import { exampleRequest } from './support/example-request.ts';

/** The requests that docs/API.md shows, each with its operation. */
const examples = [...text.matchAll(/^#### `(\w+)`[\s\S]*?```http\n(\w+) (\S+)\n(?:\n([^`]+)\n)?```/gm)].map(
  ([, id, method, path, body]) => ({ id: id!, method: method!, path: path!, body }),
);

/** Sessions and tasks have ids that differ only in their last digits. */
const TASK_DIGITS = 8;

const FAILURE = { error: { message: 'npm test exited 1' } };

/** What was done with the session before an example: the actions with their bodies. */
const BEFORE: Readonly<Record<string, [action: string, body: object][]>> = {
  pauseSession: [['start', {}]],
  resumeSession: [
    ['start', {}],
    ['pause', {}],
  ],
  stopSession: [['start', {}]],
  completeSession: [['start', {}]],
  failSession: [['start', {}]],
  retrySession: [
    ['start', {}],
    ['fail', FAILURE],
  ],
};

/** The answers of examples that need an agent at work, or an upgrade. */
const REFUSED: Readonly<Record<string, number>> = {
  requestCheckpoint: 409,
  resolveContextConflict: 404,
  // The first task stands for the session, and has not ended.
  deleteTask: 409,
  retryTask: 409,
  endTools: 409,
  answerApproval: 404,
  readArtifact: 404,
  rateTask: 409,
  // The task of this test begins with no works.
  reportConflict: 422,
  // There is no Postgres.
  listContexts: 503,
  // The agent of this test is not connected.
  routeTask: 409,
  watchSession: 426,
  watchContext: 426,
  openRunSocket: 426,
  openControlSocket: 426,
};

/** A workspace with a session, a token, a sign-in code and a lock with the fencing token 1, and the request `send` of its admin. */
async function furnished() {
  const token = await signToken('admin', newWorkspace());
  const send = async (path: string, body: object, bearer = token) =>
    (await (await ask(`/api/v1/${path}`, { token: bearer, body })).json()) as Record<'id' | 'code' | 'token', string>;
  const session = await send('sessions', { title: 'A session', initial_prompt: 'Do it' });
  await send('tasks', { session_id: session.id, title: 'A task', description: 'Do it', parent_task_id: null });
  const other = await send('tokens', { name: 'ci', role: 'admin', expires_in_seconds: 3_600 });
  // Only a token of the list can make a code that is redeemed.
  const { code } = await send('codes', {}, other.token);
  await send('locks/deploy:web/acquire', { owner: 'ci-run-7' });
  await putTemplate(token);
  const agent = await send('agents', { name: 'AGENT-OTHER', agent_type: 'implementer', capabilities: [] });
  const context = await send('contexts', { scope: 'temporary', data: { build: { status: 'red' } } });
  for (const name of ['plan', 'notes']) await send('contexts', { scope: 'global', name });
  return { token, send, context: context.id, session: session.id, other: other.id, code, agent };
}

/** Adds the template that the examples name. */
async function putTemplate(token: string): Promise<void> {
  const { path, options } = exampleRequest('putTemplate');
  await ask(path, { ...options, token });
}

it('docs/API.md has an example of every operation', () => {
  expect(examples.map(({ id }) => id).sort()).toEqual([...OPERATION_IDS].sort());
});

it.each(examples)('the example of $id in docs/API.md works', async ({ id, method, path, body }) => {
  const { token, send, context, session, other, code, agent } = await furnished();
  const acts = endpointOf(id as OperationId).access === 'act';
  if (acts) {
    await send(`sessions/${session}/start`, {});
    await send(`agents/${agent.id}/claim`, {}, agent.token);
  }
  for (const [action, given] of BEFORE[id] ?? []) await send(`sessions/${session}/${action}`, given);
  const real = (example: string) =>
    example
      .replaceAll(SESSION_ID.slice(0, -TASK_DIGITS), session.slice(0, -TASK_DIGITS))
      .replace(`/tokens/${UUID}`, `/tokens/${other}`)
      .replace(`/agents/${UUID}`, `/agents/${agent.id}`)
      .replace(`/contexts/${UUID}`, `/contexts/${context}`)
      .replace(`/diff/${UUID}`, `/diff/${context}`);
  const bearer = acts ? agent.token : id === 'redeemCode' ? code : token;
  const sent = body !== undefined && { body: real(body) };
  const { status } = await ask(real(path), { method, token: bearer, ...sent });
  if (REFUSED[id] === undefined) expect([200, 201, 202, 204]).toContain(status);
  else expect(status).toBe(REFUSED[id]);
});
