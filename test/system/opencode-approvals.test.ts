import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import { eventually } from '../support/eventually.ts';
import { makeAssignment, withCalls, workFixtureOfFile } from './support/work-rig.ts';

// A session's own `ask` does not apply to its sub-agents; one of OpenCode's configuration does.
const fixture = workFixtureOfFile({
  config: { permission: { edit: 'allow', bash: 'allow', external_directory: 'ask' } },
});

const start = (changes: Partial<Assignment> = {}) => fixture.start(makeAssignment(changes));

test('the agent asks for a permission, and in OpenCode the answer `always` allows only this request', async () => {
  const work = await start({ agent_config: { permissions: { bash: 'ask' } } });
  await work.message('run echo one\nrun echo two');
  const asked = await work.frame('approval.asked');
  expect(asked).toMatchObject({ kind: 'permission', permission: 'bash', patterns: ['echo one'] });
  const answer = (ask_id: string) =>
    work.work.command({ type: 'approval_reply', data: { ask_id, kind: 'permission', decision: 'always' } });
  await answer(asked.ask_id);
  const second = await work.frame('approval.asked', 2);
  expect(second.patterns).toEqual(['echo two']);
  await answer(second.ask_id);
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });

  const other = await start({ agent_config: { permissions: { bash: 'ask' } } });
  await other.message('run echo one');
  expect((await other.frame('approval.asked')).patterns).toEqual(['echo one']);
});

test('if any permission is ask, the shell asks too, even if bash is allow', async () => {
  const work = await start({ agent_config: { permissions: { edit: 'ask', bash: 'allow' } } });
  await work.message('run echo sneaky');
  expect(await work.frame('approval.asked')).toMatchObject({ permission: 'bash' });
});

test('if any permission is ask, no sub-agent can act without asking', async () => {
  const unasked = join(fixture.path, 'unasked');
  const work = await start({ agent_config: { permissions: { edit: 'ask' } } });
  await work.message(`task run echo x > ${unasked}`);
  await work.frame('result');
  expect(existsSync(unasked)).toBe(false);
});

test.each([[undefined], ['use another way']])(
  'a rejection (%s) lets the model continue and answer',
  async (message) => {
    const work = await start({ agent_config: { permissions: { edit: 'ask' } } });
    await work.message('write a.txt: no\nsay after it');
    const { ask_id } = await work.frame('approval.asked');
    const reply = { ask_id, kind: 'permission', decision: 'reject' } as const;
    await work.work.command({ type: 'approval_reply', data: message === undefined ? reply : { ...reply, message } });
    expect(await work.frame('result')).toMatchObject({
      status: 'completed',
      text: expect.stringContaining('after it'),
    });
    const refused = work.of('tool').at(-1);
    expect(refused).toMatchObject({ state: 'error' });
    expect(refused?.error).toContain(message ?? 'This was not allowed');
    expect(existsSync(join(work.worktree, 'a.txt'))).toBe(false);
  },
);

test('a question gets the chosen answer, and an unanswered one does not block the run', async () => {
  const work = await start();
  await work.message('question Which colour? red | blue');
  const asked = await work.frame('approval.asked');
  expect(asked).toMatchObject({ kind: 'question', title: 'Which colour?' });
  expect(asked.questions[0]?.options.map((option) => option.label)).toEqual(['red', 'blue']);
  const data = { ask_id: asked.ask_id, kind: 'question', decision: 'once', answers: [['blue']] } as const;
  await work.work.command({ type: 'approval_reply', data: { ...data, answers: [['blue']] } });
  expect((await work.frame('result')).text).toContain('blue');

  await work.message('question And which size? s | m');
  const second = await work.frame('approval.asked', 2);
  await work.work.command({
    type: 'approval_reply',
    data: { ask_id: second.ask_id, kind: 'question', decision: 'reject' },
  });
  expect(await work.frame('result', 2)).toMatchObject({ status: 'completed' });
});

test('an approval that another process answers fails the run as tampering', async () => {
  const work = await start({ agent_config: { permissions: { bash: 'ask' } } });
  await work.message('run echo mine');
  const { ask_id } = await work.frame('approval.asked');
  await fixture.rig.client.replyPermission(ask_id, work.worktree, 'once');
  expect((await work.frame('result')).error).toMatchObject({ code: 'tampering', retryable: false });
});

test('an abort during a permission request withdraws the request, which OpenCode itself would keep', async () => {
  const work = await start({ agent_config: { permissions: { bash: 'ask' } } });
  await work.message('run echo never');
  const { ask_id } = await work.frame('approval.asked');
  await work.work.command({ type: 'stop', data: { within_ms: 100 } });
  expect(await work.frame('released')).toMatchObject({ reason: 'stopped' });
  expect(work.of('approval.withdrawn').map((withdrawn) => withdrawn.ask_id)).toEqual([ask_id]);
});

test('a request of a sub-agent is found although every event about the sub-agent was lost', async () => {
  const { client } = fixture.rig;
  const subscribe: typeof client.subscribe = (listener) =>
    client.subscribe((signal) => {
      if (signal.type !== 'event' || !/^(permission|session\.created)/.test(signal.event.type)) listener(signal);
    });
  const work = await fixture.start(makeAssignment(), new Map(), { client: withCalls(client, { subscribe }) });
  await work.message('task ask external_directory');
  const { ask_id, permission } = await work.frame('approval.asked');
  expect(permission).toBe('external_directory');
  await work.work.command({ type: 'approval_reply', data: { ask_id, kind: 'permission', decision: 'once' } });
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
});

test('a request that OpenCode cannot list stays open until it is answered', async () => {
  const { client } = fixture.rig;
  const failures: unknown[] = [];
  const openPermissions = (directory: string) =>
    client.openPermissions(directory).catch((error) => {
      failures.push(error);
      throw error;
    });
  const assignment = makeAssignment({ agent_config: { permissions: { webfetch: 'ask' } } });
  const work = await fixture.start(assignment, new Map(), { client: withCalls(client, { openPermissions }) });
  await work.message('ask webfetch');
  const { ask_id } = await work.frame('approval.asked');
  await eventually(() => expect(failures).not.toEqual([]));
  await work.work.command({ type: 'approval_reply', data: { ask_id, kind: 'permission', decision: 'once' } });
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
});
