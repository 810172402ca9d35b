import { readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ToolServer } from '../../runner/mcp/tool-server.ts';
import type { Client } from '../../src/client/client.ts';
import { checkedClient } from '../support/checked-client.ts';
import { type BuiltWorker, startBuiltWorker } from './support/built-worker.ts';
import { type AgentAtWork, agentsAtWork } from './support/lease-tools-rig.ts';

let worker: BuiltWorker;
let oio: Client;
let server: ToolServer;
const agents: AgentAtWork[] = [];

beforeAll(async () => {
  worker = await startBuiltWorker();
  oio = checkedClient({ baseUrl: worker.url, token: worker.token });
  server = await ToolServer.start();
});
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
});
afterAll(async () => {
  await server.close();
  await worker.stop();
});

async function atWork(count = 1) {
  const { session, at } = await agentsAtWork({ worker, oio, server }, count);
  agents.push(...at);
  return { session, at };
}

it('offers the tools to an MCP client, and none under another path', async () => {
  const {
    at: [agent],
  } = await atWork();
  const { tools } = await agent!.mcp.listTools();
  expect(tools.map(({ name }) => name)).toEqual([
    ...['context_get', 'context_secret', 'context_list', 'context_set', 'context_patch', 'context_history'],
    ...['context_conflicts', 'context_resolve', 'claim', 'release'],
  ]);
  const url = new URL(agent!.tools.url);
  expect((await fetch(new URL('/other', url), { method: 'POST', body: '{}' })).status).toBe(404);
  expect(await statusFor(url, 'rebound.example')).toBe(403);
  await agent!.tools.close();
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(404);
});

/** The answer to a request with another Host, as a page makes one whose name leads to loopback. */
function statusFor(url: URL, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end('{}');
  });
}

it('reads, sets, lists and patches the context of the session as the lease', async () => {
  const {
    session,
    at: [agent],
  } = await atWork();
  const { call, agentId, assignment } = agent!;
  await oio.contexts.update('global', { updates: { style: { tabs: true } } });
  expect((await call('context_list', {})).text).toContain('/style: {"tabs":true}');
  expect(await call('context_set', { path: 'build/status', value: 'red' })).toMatchObject({ isError: false });
  expect((await call('context_get', { path: '/build/status' })).text).toMatch(/session’s context, version \d+.*"red"/s);
  const patched = await call('context_patch', { updates: { build: { status: 'green', owner: 'me' } } });
  expect(patched).toMatchObject({ isError: false, text: expect.stringContaining('/build/status, /build/owner') });
  expect((await call('context_list', { path: 'build' })).text).toContain('/build/owner: "me"');
  expect((await call('context_get', { path: 'style' })).text).toContain('the workspace’s context');
  expect((await call('context_history', { path: 'build/status' })).text).toMatch(
    /by this task: \/build\/status = "green".*\n.*"red"/,
  );
  const { data, updated_by } = await oio.contexts.get(`session.${session}`);
  expect(data).toEqual({ build: { status: 'green', owner: 'me' } });
  expect(updated_by).toMatchObject({ agent_id: agentId, task_id: assignment.task_id, epoch: assignment.epoch });
  expect(await call('context_get', { path: 'nothing' })).toMatchObject({ isError: true });
  const outside = await call('context_set', { path: 'style', value: 1, scope: 'global' });
  expect(outside).toMatchObject({ isError: true, text: expect.stringContaining('belongs to the workspace') });
});

it('refuses a write to what somebody has changed since it was read, with both values, and takes the next one', async () => {
  const {
    session,
    at: [agent],
  } = await atWork();
  const { call } = agent!;
  const address = `session.${session}`;
  await oio.contexts.update(address, { updates: { plan: 'first', other: 1 } });
  await call('context_get', { path: 'plan' });
  await oio.contexts.update(address, { updates: { plan: 'second' } });
  const stale = await call('context_set', { path: 'plan', value: 'mine' });
  expect(stale.isError).toBe(true);
  expect(stale.text).toMatch(/Nothing was written.*\/plan\n +now: +"second"\n +yours: "mine"/s);
  expect((await oio.contexts.get(address)).data).toEqual({ plan: 'second', other: 1 });
  expect(await call('context_set', { path: 'plan', value: 'both' })).toMatchObject({ isError: false });
  // What others do elsewhere is no conflict.
  await oio.contexts.update(address, { updates: { elsewhere: 1 } });
  expect(await call('context_patch', { updates: { plan: 'again' } })).toMatchObject({ isError: false });
  await oio.contexts.update(address, { updates: { plan: 'third' } });
  const patch = await call('context_patch', { updates: { plan: 'mine', fresh: 2 } });
  expect(patch).toMatchObject({ isError: true, text: expect.stringContaining('now:   "third"') });
  expect((await oio.contexts.get(address)).data).not.toHaveProperty('fresh');
});

it('refuses to overwrite what the agent has never seen', async () => {
  const {
    session,
    at: [agent],
  } = await atWork();
  await oio.contexts.update(`session.${session}`, { updates: { plan: 'theirs' } });
  const blind = await agent!.call('context_set', { path: 'plan', value: 'mine' });
  expect(blind).toMatchObject({ isError: true, text: expect.stringContaining('now:   "theirs"') });
});

it('takes what its task has written as seen, also in an object that was not there before', async () => {
  const { session, at } = await atWork();
  const address = `session.${session}`;
  await oio.contexts.create({ scope: 'session', session_id: session, data: { z: 1 } });
  const { call, tools } = at[0]!;
  const done = { isError: false };
  await tools.contexts.excerpt();
  expect(await call('context_set', { path: 'build/status', value: true })).toMatchObject(done);
  expect(await call('context_patch', { updates: { build: { by: true } } })).toMatchObject(done);
  expect(await call('context_patch', { updates: { build: null } })).toMatchObject(done);
  expect(await call('context_patch', { updates: { build: { by: 1 }, z: 2 } })).toMatchObject(done);
  expect(await call('context_set', { path: 'build', value: { all: 1 } })).toMatchObject(done);
  expect(await call('context_set', { path: 'build/all', value: 2 })).toMatchObject(done);
  await oio.contexts.putKey(address, 'build/other', { value: 1 });
  expect(await call('context_set', { path: 'build/all', value: 3 })).toMatchObject(done);
  const refused = await call('context_set', { path: 'build', value: {} });
  expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('/build/other\n  now:   1') });
});

it('overwrites nothing of others in a patch of more places than a refusal shows', async () => {
  const { session, at } = await atWork();
  const address = `session.${session}`;
  const { call, tools } = at[0]!;
  const many = Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`key-${n}`, n]));
  await oio.contexts.create({ scope: 'session', session_id: session, data: { ...many, z: 1 } });
  await tools.contexts.excerpt();
  const changed = Object.fromEntries(Object.keys(many).map((key) => [key, 'mine']));
  expect(await call('context_patch', { updates: changed })).toMatchObject({ isError: false });
  await oio.contexts.update(address, { updates: { 'key-24': 'theirs' } });
  const refused = await call('context_patch', { updates: { z: 2, ...many } });
  expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('Write at most 20 places at once') });
  expect((await oio.contexts.get(address)).data).toMatchObject({ 'key-24': 'theirs', z: 1 });
});

it('takes what its task has written as seen, if it has read nothing before', async () => {
  const { session, at } = await atWork();
  await oio.contexts.create({ scope: 'session', session_id: session, data: { z: 1 } });
  const { call } = at[0]!;
  expect(await call('context_set', { path: 'build/status', value: true })).toMatchObject({ isError: false });
  expect(await call('context_set', { path: 'build', value: 'done' })).toMatchObject({ isError: false });
  expect(await call('context_set', { path: 'z', value: 2 })).toMatchObject({ isError: true });
});

it('tells a model that its lease is lost, and writes nothing', async () => {
  const {
    session,
    at: [agent],
  } = await atWork();
  await agent!.call('context_set', { path: 'a', value: 1 });
  await agent!.release();
  const refused = await agent!.call('context_set', { path: 'a', value: 2 });
  expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('given to another agent') });
  expect((await oio.contexts.get(`session.${session}`)).data).toEqual({ a: 1 });
});

it('bounds what it answers', async () => {
  const {
    session,
    at: [agent],
  } = await atWork();
  await oio.contexts.update(`session.${session}`, {
    updates: {
      long: 'ü'.repeat(60_000),
      many: Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`key-${n}`, n])),
    },
  });
  const long = await agent!.call('context_get', { path: 'long' });
  expect(Buffer.byteLength(long.text)).toBeLessThanOrEqual(16_384);
  expect(long.text).toContain('The rest is left out');
  const many = await agent!.call('context_list', { path: 'many' });
  expect(Buffer.byteLength(many.text)).toBeLessThanOrEqual(16_384);
  expect(many.text).toContain('… and 1800 more.');
});

it('lets one task at a time claim a path or a resource, and frees it with the lease', async () => {
  const {
    at: [one, two],
  } = await atWork(2);
  expect(await one!.call('claim', { path: 'src/main.ts' })).toMatchObject({ isError: false });
  const held = await two!.call('claim', { path: './src//main.ts', wait_seconds: 0 });
  expect(held).toMatchObject({ isError: true, text: expect.stringMatching(/AGENT-.* task \d+ holds it/) });
  expect(await two!.call('claim', { path: 'src/other.ts' })).toMatchObject({ isError: false });
  expect(await one!.call('release', { path: 'src/main.ts' })).toMatchObject({ isError: false });
  expect(await two!.call('claim', { path: 'src/main.ts', wait_seconds: 20 })).toMatchObject({ isError: false });
  expect(await one!.call('claim', { resource: 'port:8080' })).toMatchObject({ isError: false });
  const waiting = two!.call('claim', { resource: 'port:8080', wait_seconds: 20 });
  await one!.tools.close();
  expect(await waiting).toMatchObject({ isError: false });
  for (const path of ['/etc/../..', '..', '']) {
    expect(await two!.call('claim', { path })).toMatchObject({ isError: true });
  }
});

it('shows a secret to no model, and puts it into a file of the lease', async () => {
  const { session, at } = await atWork();
  const [agent] = at;
  const address = `session.${session}`;
  const updates = { deploy: { token: 'hunter2-hunter2', port: 1 } };
  await oio.contexts.update(address, { updates, secret_paths: ['deploy/token'] });
  const answers = [
    await agent!.call('context_set', { path: 'deploy/token', value: 'mine' }),
    await agent!.call('context_get', { path: 'deploy' }),
    await agent!.call('context_get', { path: 'deploy', scope: 'session' }),
    await agent!.call('context_list', { path: 'deploy', scope: 'session' }),
    await agent!.call('context_history', {}),
    await agent!.call('context_set', { path: 'deploy/token', value: 'other' }),
  ];
  for (const { text } of answers.slice(0, 4)) expect(text).toContain('[secret]');
  await oio.contexts.update(address, { updates });
  answers.push(await agent!.call('context_set', { path: 'deploy/token', value: 'mine' }));
  expect(answers.at(-1)).toMatchObject({ isError: true });
  expect(JSON.stringify(answers)).not.toContain('hunter2');
  // What was refused would not be secret elsewhere.
  expect(await agent!.tools.disputes.merge('manual')).toBeNull();

  await oio.contexts.update('global', { updates: { wide: { token: 'hunter2-wide' } }, secret_paths: ['wide/token'] });
  expect(await agent!.call('context_secret', { path: 'wide/token' })).toEqual({
    text: 'There is no value at /wide/token in the session’s context. There is one with scope: "global".',
    isError: true,
  });
  expect((await agent!.call('context_secret', { path: 'wide/none' })).text).toContain('Use context_list.');
  expect((await agent!.call('context_secret', { path: 'wide/token', scope: 'global' })).isError).toBe(false);
  agent!.concealed.length = 0;

  const { text } = await agent!.call('context_secret', { path: 'deploy/token' });
  const file = /is in the file \$TMPDIR(\S+)\./.exec(text)![1]!.replace(/^/, agent!.temporary);
  expect(readFileSync(file, 'utf8')).toBe('hunter2-hunter2');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(text).not.toContain('hunter2');
  expect(agent!.concealed).toEqual(['hunter2-hunter2']);
});
