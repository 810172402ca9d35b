import { describe, expect, it } from 'vitest';
import type { ContextWatch } from '../../src/client/watch-context.ts';
import type { RegisteredAgent } from '../../src/protocol/agent/agent.ts';
import type { ContextChange } from '../../src/protocol/context/context.ts';
import { ContextWatchFrame } from '../../src/protocol/context/watch-socket.ts';
import type { ClaimedWork } from '../../src/protocol/run/reports.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { eventually } from '../support/eventually.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';
import { clientsOfWorkspace } from './support/clients.ts';

const STARTED = { n: 1, type: 'turn.started', data: { turn: 1, message: 1, model: null, agent: null } };

/** A watch, with what it has told. */
function told(watch: (options: { onChanges(changes: ContextChange[]): void }) => ContextWatch) {
  const versions: number[] = [];
  return Object.assign(watch({ onChanges: (all) => versions.push(...all.map(({ version }) => version)) }), {
    versions,
  });
}

describe('a watch of a context', () => {
  it('has the value, gets changes of its path, and goes on after a lost connection', async () => {
    const { client, connections } = await clientsOfWorkspace();
    await client.contexts.create({ scope: 'global', name: 'plan', data: { build: { status: 'red' }, other: 1 } });
    const watch = told((options) => client.watchContext('global.plan', { path: '/build', ...options }));
    await eventually(() => expect(watch.value).toEqual({ status: 'red' }));
    await client.contexts.update('global.plan', { updates: { other: 2 } });
    await client.contexts.update('global.plan', { updates: { build: { status: 'green' } } });
    await eventually(() => expect(watch.versions).toEqual([3]));
    connections[0]!.socket.close(1000);
    await client.contexts.update('global.plan', { updates: { build: { by: 'ada' } } });
    await eventually(() => expect(watch.versions).toEqual([3, 4]));
    expect(watch).toMatchObject({ value: { status: 'green', by: 'ada' }, version: 4 });
    expect(connections[1]!.path).toBe('/ws/contexts/global.plan?path=%2Fbuild&after=3');
    for (const text of connections.flatMap(({ down }) => down)) {
      expect(text === 'pong' || ContextWatchFrame().safeParse(JSON.parse(text)).success).toBe(true);
    }
    watch.close();
    expect(await watch.ended).toBeNull();
  });

  it('ends when the context is deleted, when its token is revoked, and when there is none', async () => {
    const { client, clientOf, listed } = await clientsOfWorkspace();
    await client.contexts.create({ scope: 'global', data: { a: 1 } });
    const viewer = await listed('viewer');
    const revoked = clientOf(viewer.token).watchContext('global');
    const deleted = client.watchContext('global');
    await eventually(() => expect([revoked.value, deleted.value]).toEqual([{ a: 1 }, { a: 1 }]));
    await client.tokens.revoke(viewer.id);
    expect((await revoked.ended)?.code).toBe('unauthorized');
    await client.contexts.remove('global');
    expect((await deleted.ended)?.code).toBe('not_found');
    expect((await client.watchContext('global').ended)?.code).toBe('context_not_found');
  });

  it('of an agent has what it may read, and ends with the lease', async () => {
    const { client, clientOf, post } = await clientsOfWorkspace();
    const { id: session } = await post<SessionView>('sessions', { title: 'A session', initial_prompt: 'Do' });
    await post(`sessions/${session}/start`, {});
    const agent = await post<RegisteredAgent>('agents', {
      name: 'AGENT-A',
      agent_type: 'implementer',
      capabilities: [],
    });
    const [work] = (await post<ClaimedWork>(`agents/${agent.id}/claim`, {}, agent.token)).assignments;
    const { task_id, epoch } = work!;
    await post(`leases/${task_id}/${epoch}/events`, { events: [STARTED] }, agent.token);
    await client.contexts.create({ scope: 'session', session_id: session, data: { n: 0 } });
    const [own, leased] = [clientOf(agent.token), clientOf(agent.token, { task_id, epoch })];
    const address = `session.${session}`;
    expect((await own.watchContext(address).ended)?.code).toBe('context_scope_mismatch');
    const watch = told((options) => leased.watchContext(address, options));
    await eventually(() => expect(watch.value).toEqual({ n: 0 }));
    await client.contexts.update(address, { updates: { n: 1 } });
    await eventually(() => expect(watch.versions).toEqual([2]));
    await post(`leases/${task_id}/${epoch}/release`, { reason: 'refused' }, agent.token);
    await client.contexts.update(address, { updates: { n: 2 } });
    expect((await watch.ended)?.code).toBe('stale_lease');
    expect(watch.versions).toEqual([2]);
    expect((await leased.watchContext(address).ended)?.code).toBe('stale_lease');
  });

  it.each([
    ['/ws/contexts/global?path=build', 'path'],
    ['/ws/contexts/global?after=first', 'after'],
    [`/ws/contexts/global?path=/${'x'.repeat(200)}`, 'path'],
    ['/ws/contexts/global?lease=mine', 'lease'],
  ])('says what is wrong with %s', async (path, member) => {
    const token = await signToken('viewer', newWorkspace());
    const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'oio.v1' };
    const answer = await ask(path, { token, headers });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ errors: [{ path: member }] });
  });
});
