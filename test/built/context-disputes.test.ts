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

/** Two tasks at work at the same time, of which the second one is refused a value of a place that the first one has set. */
async function inConflict(first: unknown, second: unknown) {
  const { session, at } = await agentsAtWork({ worker, oio, server }, 2);
  agents.push(...at);
  const [one, two] = at as [AgentAtWork, AgentAtWork];
  await one.call('context_set', { path: 'plan', value: first });
  expect(await two.call('context_set', { path: 'plan', value: second })).toMatchObject({ isError: true });
  return { address: `session.${session}`, one, two };
}

it('a value that a task leaves undecided is in conflict when it is done, and both writers are in the histories', async () => {
  const { address, one, two } = await inConflict('walls', 'roof');
  const told = await two.tools.disputes.merge('manual');
  expect(told).toBe(
    'What this task and another one have set in the shared context differs: /plan. It waits for an answer.',
  );
  expect(await oio.contexts.get(address)).toMatchObject({ data: { plan: 'walls' }, open_conflicts: 1 });
  const [conflict] = await oio.contexts.conflicts(address);
  expect(conflict).toMatchObject({ path: '/plan', current: 'walls', source: 'roof' });

  expect((await one.call('context_conflicts', {})).text).toBe(
    'conflict 1 at /plan: current is "walls", source is "roof"',
  );
  expect(await one.call('context_resolve', { conflict: 1, choose: 'source' })).toMatchObject({ isError: false });
  expect((await one.call('context_conflicts', {})).text).toBe('There is no open conflict.');
  expect(await oio.contexts.get(address)).toMatchObject({ data: { plan: 'roof' }, open_conflicts: 0 });
  const [resolved, set] = (await oio.contexts.history(address)).items;
  const source = { id: conflict!.source_id, version: conflict!.source_version };
  expect(resolved).toMatchObject({ merged: [source], by: { task_id: one.assignment.task_id } });
  expect(set).toMatchObject({ edits: [{ value: 'walls' }], by: { task_id: one.assignment.task_id } });
  const { updated_by } = await oio.contexts.get(source.id, { version: source.version });
  expect(updated_by).toMatchObject({ task_id: two.assignment.task_id, agent_id: two.agentId });
});

it.each([
  ['prefer_source', 'roof'],
  ['prefer_target', 'walls'],
  ['last_write_wins', 'roof'],
  ['deep_merge', 'roof'],
] as const)('with %s, no conflict is left', async (strategy, value) => {
  const { address, two } = await inConflict('walls', 'roof');
  expect(await two.tools.disputes.merge(strategy)).toContain(`/plan. It was decided by ${strategy}.`);
  expect(await oio.contexts.get(address)).toMatchObject({ data: { plan: value }, open_conflicts: 0 });
});

it('what a task has decided is in no conflict, also if another one changes it later', async () => {
  const { address, one, two } = await inConflict('walls', 'roof');
  expect(await two.call('context_set', { path: 'plan', value: 'both' })).toMatchObject({ isError: false });
  await one.call('context_get', { path: 'plan' });
  expect(await one.call('context_set', { path: 'plan', value: 'neither' })).toMatchObject({ isError: false });
  expect(await two.tools.disputes.merge('manual')).toBeNull();
  expect(await oio.contexts.get(address)).toMatchObject({ data: { plan: 'neither' }, open_conflicts: 0 });
  // The task goes on after its merge.
  expect(await two.call('context_set', { path: 'plan', value: 'roof' })).toMatchObject({ isError: true });
  expect(await two.tools.disputes.merge('manual')).toContain('/plan');
  expect(await oio.contexts.get(address)).toMatchObject({ open_conflicts: 1 });
});

it.each([
  ['manual', 'It waits for an answer.'],
  ['prefer_source', 'It was decided by prefer_source.'],
] as const)(
  'with %s, the note of a task names the places that differ when it is done, and no others',
  async (strategy, how) => {
    const { address, one, two } = await inConflict('walls', 'roof');
    for (const [path, value] of Object.entries({ gone: 1, same: 'x' })) {
      await one.call('context_set', { path, value });
      expect(await two.call('context_set', { path, value: 'y' })).toMatchObject({ isError: true });
    }
    await one.call('context_patch', { updates: { gone: null, same: 'y' } });
    const told = await two.tools.disputes.merge(strategy);
    expect(told).toBe(`What this task and another one have set in the shared context differs: /plan. ${how}`);
    expect(await oio.contexts.get(address)).toMatchObject({ open_conflicts: strategy === 'manual' ? 1 : 0 });
  },
);

it('a task that is refused nothing merges nothing', async () => {
  const { session, at } = await agentsAtWork({ worker, oio, server }, 1);
  agents.push(...at);
  await at[0]!.call('context_set', { path: 'plan', value: 1 });
  expect(await at[0]!.tools.disputes.merge('manual')).toBeNull();
  expect(await at[0]!.tools.disputes.shown()).toBeNull();
  const { items } = await oio.contexts.history(`session.${session}`);
  expect(items.every(({ merged }) => merged === undefined)).toBe(true);
});
