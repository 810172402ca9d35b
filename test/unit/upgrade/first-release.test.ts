import { describe, expect, it } from 'vitest';
import { REGISTRY_SCHEMA } from '../../../durable-objects/agent-registry/schema.ts';
import { buildKit } from '../../../durable-objects/kit/runtime.ts';
import { SESSION_SCHEMA } from '../../../durable-objects/session/schema.ts';
import { WORKSPACE_SCHEMA } from '../../../durable-objects/workspace/schema.ts';
import { parseCursor } from '../../../src/protocol/common/cursor.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { InjectedFault, NodePlatform } from '../../support/node-platform.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { shapeOfTables } from '../../support/shape-of-tables.ts';
import { storedObject } from '../../support/stored-object.ts';
import { valueIn } from '../../support/value-in.ts';
import { WorkspaceInProcess } from '../../support/workspace-in-process.ts';
import { AGENT_A, AGENT_B, callFrom, hello, INSTANCE_2, slotRequest } from '../ports/agent-registry.fixture.ts';
import { callIn, PLACE, TOKEN_REQUEST } from '../ports/workspace.contract.ts';
import { asked, checkpoint, type FakeAgent, partDone, result, text } from '../session/fake-agent.ts';
import { requested, SESSION_ID, SessionInProcess, TASK_ID, unwrap } from '../session/harness.ts';

function stored(name: string): NodePlatform {
  return storedObject(new URL(`first-release/${name}.sql`, import.meta.url));
}

describe.each([
  ['session-running', SESSION_SCHEMA],
  ['session-paused', SESSION_SCHEMA],
  ['session-completed', SESSION_SCHEMA],
  ['agent-registry', REGISTRY_SCHEMA],
  ['workspace', WORKSPACE_SCHEMA],
])('the tables of the stored %s', (name, schema) => {
  it('equal those of a new object after the upgrade', () => {
    const upgraded = stored(name);
    buildKit(upgraded, schema, []);
    const fresh = new NodePlatform();
    buildKit(fresh, schema, []).store.create(() => {});
    expect(shapeOfTables(upgraded)).toEqual(shapeOfTables(fresh));
  });

  it('are upgraded once, in one transaction', () => {
    const platform = stored(name);
    const before = platform.dump();
    for (let step = 1; ; step++) {
      platform.failAt(step);
      try {
        buildKit(platform, schema, []);
        break;
      } catch (error) {
        expect(error).toBeInstanceOf(InjectedFault);
        expect(platform.dump(), `a throw before step ${step}`).toEqual(before);
      }
    }
    platform.failAt(Number.POSITIVE_INFINITY);
    const upgraded = platform.dump();
    buildKit(platform, schema, []);
    expect(platform.dump()).toEqual(upgraded);
  });
});

describe('a stored session that was running', () => {
  const WORDS = ['Looking around.', 'Found it.', 'I am half way', 'Mind the tests'];

  function running(): { session: SessionInProcess; agent: FakeAgent } {
    const session = new SessionInProcess({ platform: stored('session-running'), config: { max_log_events: 40 } });
    const agent = session.agent();
    agent.head = 63;
    return { session, agent };
  }

  it('reads as before the upgrade', async () => {
    const { session } = running();
    const view = await session.view();
    expect(view).toMatchObject({ title: 'Released', tags: ['old'], status: 'running', open_approvals: 2 });
    expect(view).toMatchObject({ preferred_labels: {}, min_performance_tier: null, technologies: [] });
    expect(view.checkpoints).toMatchObject([{ number: 1, turn: 1, messages_done: 1 }]);
    expect(view.usage).toMatchObject({ input_tokens: 100, cost_usd: 0.5 });
    const approvals = unwrap(await session.runtime.approvals(session.call())).items;
    expect(approvals.map(({ title, status }) => [title, status])).toEqual([
      ['bash: npm run build', 'open'],
      ['Colour', 'open'],
      ['bash: npm test', 'answered'],
    ]);
    const diff = unwrap(await session.runtime.diff(session.call()));
    expect(diff).toMatchObject({ files: [{ path: 'one.txt' }] });
    const chunk = unwrap(await session.runtime.artifactChunk(session.call(), diff.artifact_id!, 0));
    expect(chunk.chunks).toBe(3);
    expect(Buffer.from(chunk.data, 'base64').toString()).toMatch(/^diff of one/);
  });

  it('gives a new watcher and a resuming one the complete log', async () => {
    const { session } = running();
    const late = session.watcher().connect().catchUp();
    expect([late.faults, late.live]).toEqual([[], true]);
    const story = JSON.stringify(late.follower.state);
    for (const words of WORDS) expect(story).toContain(words);
    expect(late.follower.state).toEqual(await session.folded());

    const { incarnation } = parseCursor((await session.view()).cursor)!;
    const resumed = session.openWatch(`${incarnation}.${(await session.events()).at(-3)!.seq}`);
    expect(resumed.frames()).toMatchObject([{ type: 'hello', mode: 'resume' }]);
  });

  it('lets its agent resume the lease with unacknowledged commands, and complete the session', async () => {
    const { session, agent } = running();
    const watcher = session.watcher().connect().catchUp();
    agent.connect();
    expect(agent).toMatchObject({ over: null, acked: 63, assignment: { epoch: 1, session_id: SESSION_ID } });
    expect(agent.commandsOf('message').map(({ number }) => number)).toEqual([1, 2]);
    expect(agent.commandsOf('approval_reply')).toHaveLength(1);

    agent.send(asked('r4'));
    expect(agent.commandsOf('approval_reply'), 'the rule of the always answer still applies').toHaveLength(2);
    const approvals = unwrap(await session.runtime.approvals(session.call())).items;
    for (const { id, kind, status } of approvals) {
      if (status !== 'open') continue;
      const reply =
        kind === 'question' ? { decision: 'once' as const, answers: [['red']] } : { decision: 'once' as const };
      unwrap(await session.runtime.answer(session.call(), id, reply));
    }
    expect(agent.commandsOf('approval_reply')).toHaveLength(4);

    agent.send(text('p2', 13, ' and done.'), partDone('p2', 23), ...checkpoint('two'), result(2));
    expect(await session.view()).toMatchObject({
      status: 'completed',
      checkpoints: [{ number: 1 }, { number: 2 }],
      open_approvals: 0,
    });
    watcher.catchUp();
    expect(watcher.follower.state).toEqual(await session.folded());
    expect(JSON.stringify(watcher.follower.state)).toContain('I am half way and done.');
    await session.advance(60_000);
    expect(session.destinations.entry?.summary).toMatchObject({ title: 'Released', status: 'completed' });
    expect([...session.destinations.runs.values()]).toMatchObject([
      { run: 1, status: 'completed', agent_name: 'AGENT-ONE' },
    ]);
    expect([...session.destinations.slots.values()]).toEqual(['released']);
  });

  it('is offered to another agent when its own does not return', async () => {
    const { session } = running();
    await session.advance(600_000);
    const other = session.agent(2, 'AGENT-TWO').connect();
    expect(other.assignment).toMatchObject({ epoch: 2, checkpoint: { number: 1 } });
    other.acknowledge(...other.commands.map(({ id }) => id)).send(...checkpoint('two'), result(2));
    expect(await session.status()).toBe('completed');
  });

  it('answers its repeated create request, and trims its log', async () => {
    const { session, agent } = running();
    const call = session.call({ key: 'create' });
    const first = unwrap(await session.runtime.create(call, SESSION_ID, requested()));
    expect(first).toMatchObject({ title: 'Released', status: 'running' });
    agent.connect();
    for (let i = 0; i < 50; i++) agent.send(text('p3', i, 'x'));
    const whole = await session.folded();
    await session.advance(1);
    expect((await session.events())[0]!.from_seq).toBeGreaterThan(64);
    expect(await session.folded()).toEqual(whole);
  });
});

it('a stored session that was paused continues from its checkpoint', async () => {
  const session = new SessionInProcess({ platform: stored('session-paused') });
  expect(await session.status()).toBe('paused');
  await session.act('resume');
  const agent = session.agent(2, 'AGENT-TWO').connect();
  expect(agent.assignment).toMatchObject({ messages_done: 1, checkpoint: { number: 1 } });
  agent.send(result(1));
  expect(await session.status()).toBe('completed');
});

it('a stored session sends the waiting requests of its outbox to the registry in today’s format', async () => {
  const platform = stored('session-paused');
  const asked = {
    session_id: SESSION_ID,
    task_id: TASK_ID,
    epoch: 7,
    priority: 'high',
    required_capabilities: ['testing'],
    required_labels: ['gpu=true'],
    repository: null,
    repository_key: 'github.com/acme/web',
    avoid_agents: [AGENT_A],
  };
  const messages = [
    { op: 'reserve', task: 1, request: asked, again: false },
    { op: 'withdraw', task_id: TASK_ID, epoch: 6 },
  ];
  platform.transaction(() => {
    for (const message of messages) {
      platform.exec(`INSERT INTO outbox (lane, key, payload, rev, rejections) VALUES ('registry', ?, ?, 1, 0)`, [
        message.op,
        JSON.stringify(message),
      ]);
    }
    platform.exec(`INSERT INTO outbox_lanes (lane, failures, next_at) VALUES ('registry', 1, ?)`, [platform.now()]);
  });
  const session = new SessionInProcess({ platform });
  await session.advance(60_000);
  const { required_capabilities, required_labels, repository, repository_key, avoid_agents, ...request } = asked;
  const requirements = { required_capabilities, required_labels, repository, repository_key, avoid_agents };
  expect(session.destinations.requests).toMatchObject([{ ...request, requirements }]);
  expect(session.destinations.slots.get(`${TASK_ID}:6`)).toBe('cancelled');
});

it('a stored session that had ended delivers its outbox, and keeps parked rows', async () => {
  const session = new SessionInProcess({ platform: stored('session-completed') });
  expect(await session.status()).toBe('completed');
  await session.advance(600_000);
  expect(session.destinations.entry?.summary).toMatchObject({
    title: 'Completed in the old release',
    status: 'completed',
  });
  expect([...session.destinations.slots.values()]).toEqual(['released']);
  expect(session.destinations.runs.size).toBe(0);
  expect(session.runtime.parts.kit.outbox.undelivered()).toMatchObject([{ waiting: 0, parked: 1 }]);
});

describe('a stored agent registry with slots in every state', () => {
  const key = (task: number) => ({ task_id: slotRequest(task).task_id, epoch: 1 });

  function connected() {
    const registry = new RegistryInProcess({ platform: stored('agent-registry'), workspace: 'acme' });
    const agent = registry.connect(AGENT_A);
    const leases = [key(1)];
    const about = { capacity: 2, repository: 'root', remotes: ['github.com/acme/app'], labels: ['zone=a'] };
    agent.send(hello({ name: 'AGENT-A', ...about, leases }));
    return { registry, agent };
  }

  function offered(client: FakeClient): string[] {
    return client
      .frames<{ type: string; task_id: string }>()
      .flatMap(({ type, task_id }) => (type === 'offer' ? [task_id] : []));
  }

  it('lists its agents, and repeats open offers', async () => {
    const { registry, agent } = connected();
    const { value } = (await registry.api.agents(callFrom('acme'))) as { value: { items: object[] } };
    expect(value.items).toMatchObject([
      { id: AGENT_A, name: 'AGENT-A', slots_used: 2, max_concurrent_capacity: 2 },
      { id: AGENT_B, name: 'AGENT-B' },
    ]);
    expect(offered(agent)).toEqual([key(2).task_id]);
  });

  it('serves its queue by priority as slots become free', () => {
    const { agent } = connected();
    agent.send({ type: 'accepted', ...key(2) });
    const order: string[] = [];
    for (let free = key(1).task_id; order.length < 5; free = order.at(-1)!) {
      agent.send({ type: 'ended', task_id: free, epoch: 1 });
      order.push(offered(agent).at(-1)!);
      agent.send({ type: 'accepted', task_id: order.at(-1), epoch: 1 });
    }
    expect(order).toEqual([5, 7, 6, 4, 8].map((task) => key(task).task_id));
  });

  it('keeps ended slots, and offers the slots of a disconnected agent to others', async () => {
    const { registry } = connected();
    for (const task of [3, 9]) {
      expect(await registry.api.reserve(slotRequest(task))).toEqual({ state: 'ended' });
    }
    await registry.advance(60_000);
    const other = registry.connect(AGENT_B);
    other.send(hello({ name: 'AGENT-B', instance_id: INSTANCE_2, labels: ['zone=b'] }));
    expect(offered(other)).toEqual([key(10).task_id]);
  });
});

describe('a stored workspace with tokens', () => {
  it('lists its tokens, keeps revocations and used codes, and delivers pending closes of sockets', async () => {
    const object = new WorkspaceInProcess({ platform: stored('workspace') });
    const { api } = object;
    const tokens = valueIn(await api.listTokens(callIn('default'))).items;
    const named = (name: string) => tokens.find((token) => token.name === name)!;
    expect(tokens.map(({ name, role }) => [name, role])).toEqual(
      expect.arrayContaining([
        ['kept', 'viewer'],
        ['revoked', 'viewer'],
        ['Sign-in', 'operator'],
      ]),
    );
    expect(await api.revokedTokens()).toEqual([named('revoked').id]);
    const code = { id: 'used-code', expires_at: object.platform.now() + 60_000, role: 'operator', by: null } as const;
    expect(await api.redeemCode(callIn('default'), code)).toMatchObject({
      ok: false,
      failure: { code: 'unauthorized' },
    });
    expect(await api.createToken(callIn('default', 'k1'), TOKEN_REQUEST)).toMatchObject({ value: { name: 'kept' } });
    expect(await api.claimBulk(callIn('default', 'bulk', 'another body'))).toMatchObject({ ok: false });

    await object.advance(60_000);
    const place = `${PLACE.kind}/${PLACE.id}`;
    expect(object.closed).toContain(`${named('revoked').id}/${place}`);
    valueIn(await api.revokeToken(callIn('default'), named('kept').id));
    await object.platform.settle();
    expect(object.closed).toEqual(
      expect.arrayContaining([`${named('kept').id}/${place}`, `${named('kept').id}/agent_registry/default`]),
    );
  });

  it('deletes expired tokens and codes', async () => {
    const object = new WorkspaceInProcess({ platform: stored('workspace') });
    await object.advance(8 * 86_400_000);
    expect(valueIn(await object.api.listTokens(callIn('default'))).items).toEqual([]);
    expect(object.platform.dump()).toMatchObject({ tokens: [], used_codes: [], socket_places: [], $alarm: null });
  });
});
