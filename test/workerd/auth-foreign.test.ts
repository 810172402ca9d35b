import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import type { SessionRuntime } from '../../durable-objects/session/runtime.ts';
import { sessionName } from '../../src/adapters/objects/names.ts';
import { Role } from '../../src/protocol/common/enums.ts';
import { IMPLICIT_TASK, taskIdOf } from '../../src/protocol/common/ids.ts';
import type { Context } from '../../src/protocol/context/context.ts';
import { endpointOf, OPERATION_IDS } from '../../src/protocol/endpoints/endpoints.ts';
import { type OperationId, ROUTES } from '../../src/protocol/endpoints/routes.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import { type Ask, ask, newWorkspace, SESSION_ID, signToken, UUID } from './http-support.ts';
import { exampleRequest } from './support/example-request.ts';
import { MAY_CALL } from './support/permissions.ts';

const ARTIFACT = '11111111-8a52-4f0c-9d0b-0d6f3a1b2c3d';

/**
 * A workspace with one of everything that an operation can name in its path.
 * @param acts whether its agent has no sockets, and was handed the session out
 */
async function populated(acts: boolean) {
  const workspace = newWorkspace();
  const admin = await signToken('admin', workspace);
  const post = async <T>(path: string, body: object) =>
    (await (await ask(path, { token: admin, body })).json()) as T & { id: string };
  const { id: session } = await post('/api/v1/sessions', { title: 'Of the owner', initial_prompt: 'secret' });
  await post(`/api/v1/sessions/${session}/start`, {});
  const approval = await runInDurableObject(env.SESSION.getByName(sessionName(workspace, session)), (instance) => {
    const { kit, approvals, artifacts } = (instance as unknown as { runtime: SessionRuntime }).runtime.parts;
    return kit.store.transact(() => {
      artifacts.addChunk(IMPLICIT_TASK, 1, 1, { artifact_id: ARTIFACT, index: 0, data: btoa('secret') });
      const permission = { kind: 'permission', title: 'bash: ls', permission: 'bash', patterns: ['ls'] } as const;
      const ask = { ...permission, patterns: ['ls'], always: [], questions: [], detail: {} };
      return approvals.open(IMPLICIT_TASK, ask, null).id;
    });
  });
  const context = await post<Context>('/api/v1/contexts', {
    ...{ scope: 'temporary', name: 'of-the-owner', data: { secret: 'value', build: {} } },
  });
  await post<Context>('/api/v1/contexts', { scope: 'global', data: { build: 1 } });
  const merge = { context_ids: ['global', context.id], strategy: 'manual' };
  await post<Context>('/api/v1/contexts/merge', merge);
  const token = await post<CreatedToken>('/api/v1/tokens', { name: 'ci', role: 'agent' });
  // Only a listed token opens sockets.
  const own = await post<CreatedToken>('/api/v1/tokens', { name: 'owner', role: 'admin' });
  const agent = acts ? await handedOut(admin) : { id: UUID, token: own.token };
  if (!acts) await register(token.token);
  /** The values of the path's parameters, by the beginning of the path. */
  const ids: Record<string, Record<string, string>> = {
    '/api/v1/sessions/': { id: session, approval_id: approval, artifact_id: ARTIFACT },
    '/api/v1/tasks/': { id: taskIdOf(session, IMPLICIT_TASK), depends_on_task_id: taskIdOf(session, 2) },
    '/api/v1/contexts/': { id: context.id, path: 'build', n: '1', other: context.id, context_id: context.id },
    '/api/v1/agents/': { id: agent.id },
    '/api/v1/tokens/': { id: token.id },
    '/ws/sessions/': { id: session },
    '/ws/contexts/': { id: context.id },
    '/api/v1/leases/': { task_id: taskIdOf(session, IMPLICIT_TASK), epoch: '1' },
    '/ws/leases/': { task_id: taskIdOf(session, IMPLICIT_TASK), epoch: '1' },
    // An agent chooses its own id, in each workspace.
    '/ws/agents/': { agent_id: UUID },
  };
  const pathOf = (path: string) => {
    const [, values] = Object.entries(ids).find(([start]) => path.startsWith(start)) ?? [];
    return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      if (values?.[name] === undefined) throw new Error(`Say which ${name} of ${path} the workspace has.`);
      return values[name];
    });
  };
  const state = async () => {
    const paths = [
      `sessions/${session}?include=tasks,approvals,checkpoints`,
      `sessions/${session}/events`,
      `contexts/${context.id}`,
      'tokens',
      'agents',
    ];
    const answers = await Promise.all(paths.map((path) => ask(`/api/v1/${path}`, { token: admin })));
    return Promise.all(answers.map((answer) => answer.text()));
  };
  return { admin, own: agent.token, session, pathOf, state };
}

/** Registers an agent without sockets, which claims the session. */
async function handedOut(admin: string): Promise<{ id: string; token: string }> {
  const body = { name: 'AGENT-OWNER', agent_type: 'implementer', capabilities: [] };
  const agent = (await (await ask('/api/v1/agents', { token: admin, body })).json()) as { id: string; token: string };
  await ask(`/api/v1/agents/${agent.id}/claim`, { token: agent.token, body: {} });
  return agent;
}

/** Registers an agent, which says hello on its control socket. */
async function register(token: string): Promise<void> {
  const { path, options } = exampleRequest('openControlSocket');
  const { webSocket } = await ask(path, { ...options, token });
  webSocket!.accept();
  const hello = new Promise((resolve) => webSocket!.addEventListener('message', resolve));
  webSocket!.send(
    JSON.stringify({
      ...{ type: 'hello', name: 'AGENT-OWNER', instance_id: UUID, capacity: 1, capabilities: [], labels: [] },
      ...{ repository: null, remotes: [], model: null, version: '1', leases: [] },
    }),
  );
  await hello;
  webSocket!.close(1000);
}

/** A request to an operation on the owner's things. */
function requestTo(id: OperationId, owner: Awaited<ReturnType<typeof populated>>): { path: string; options: Ask } {
  const { path, options } = exampleRequest(id);
  const [, search] = path.split('?');
  const body = options.body && JSON.parse(JSON.stringify(options.body).replaceAll(SESSION_ID, owner.session));
  return {
    path: owner.pathOf(ROUTES[id].path) + (search === undefined ? '' : `?${search}`),
    options: { ...options, ...(body !== undefined && { body }) },
  };
}

/** An agent chooses its own id, and a lock and a template are what their users call them: these exist in each workspace. */
const isNameOfCaller = (id: OperationId) =>
  id === 'openControlSocket' || endpointOf(id).tag === 'Locks' || ROUTES[id].path.endsWith('/templates/{name}');
const NAMING = OPERATION_IDS.filter((id) => ROUTES[id].path.includes('{') && !isNameOfCaller(id));

it.each(NAMING)('%s shows and changes nothing of another workspace, for any role, and finds its own', async (id) => {
  const acts = endpointOf(id).access === 'act';
  const owner = await populated(acts);
  const before = await owner.state();
  const { path, options } = requestTo(id, owner);
  const stranger = newWorkspace();
  const roles = MAY_CALL[id];
  for (const role of Role().options) {
    const { status } = await ask(path, { ...options, token: await signToken(role, stranger) });
    expect([role, status]).toEqual([role, roles.includes(role) ? 404 : 403]);
  }
  if (acts) {
    const token = (await handedOut(await signToken('admin', stranger))).token;
    expect([403, 404]).toContain((await ask(path, { ...options, token })).status);
  }
  expect(await owner.state()).toEqual(before);
  const own = await ask(path, { ...options, token: owner.own });
  own.webSocket?.accept();
  own.webSocket?.close(1000);
  expect([401, 403, 404]).not.toContain(own.status);
  await own.body?.cancel();
});

it('lists and bulk requests of another workspace contain nothing of this one', async () => {
  const owner = await populated(false);
  const token = await signToken('admin', newWorkspace());
  for (const id of ['listSessions', 'listAgents', 'listTokens'] as const) {
    const answer = await ask(ROUTES[id].path, { token });
    expect(await answer.json()).toMatchObject({ items: [] });
    expect(await (await ask(ROUTES[id].path, { token: owner.admin })).json()).not.toMatchObject({ items: [] });
  }
  const before = await owner.state();
  const body = { action: 'cancel', session_ids: [owner.session] };
  const bulk = await ask('/api/v1/sessions/bulk', { token, body });
  expect(JSON.stringify(await bulk.json())).toContain('"http_status":404');
  expect(await owner.state()).toEqual(before);
});
