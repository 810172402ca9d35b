import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { OpenCodeClient } from '../../runner/opencode/client.ts';
import { eventually } from '../support/eventually.ts';
import { makeAssignment, withCalls, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile();

const NEVER_MS = 600_000;

const errors = (work: Awaited<ReturnType<typeof fixture.start>>) =>
  work.of('agent.note').flatMap(({ level, text }) => (level === 'error' ? [text] : []));

async function workWith(options: Parameters<typeof fixture.start>[2]) {
  const work = await fixture.start(makeAssignment(), new Map(), options);
  await work.message('write only.txt: here\nhang');
  await eventually(() => expect(existsSync(join(work.worktree, 'only.txt'))).toBe(true));
  return work;
}

test.each(['pause', 'stop'] as const)(
  'a %s whose checkpoint the session refuses says where the work is, and keeps it for the next lease',
  async (type) => {
    const work = await workWith({ saved: async () => false });
    await work.work.command({ type, data: { within_ms: NEVER_MS } });
    await work.frame('released');
    expect(work.of('checkpoint')).toHaveLength(2);
    expect(errors(work)).toEqual([expect.stringContaining(`on the agent AGENT-RIG, in ${work.worktree}`)]);
    expect(work.frames.at(-1)?.type).toBe('released');
    await work.end();
    expect(existsSync(join(work.worktree, 'only.txt'))).toBe(true);

    const next = await fixture.start({ ...makeAssignment(), task_id: work.assignment.task_id, epoch: 2 });
    await next.message('say go on');
    await next.frame('result');
    expect(next.of('checkpoint').at(-1)?.files).toMatchObject([{ path: 'only.txt' }]);
  },
);

test('a last checkpoint that the session takes at the second try is no error', async () => {
  const answers = [false, true];
  const work = await workWith({ saved: async () => answers.shift() ?? null });
  await work.work.command({ type: 'pause', data: { within_ms: NEVER_MS } });
  await work.frame('released');
  expect([work.of('checkpoint').length, errors(work)]).toEqual([2, []]);
  await work.end();
  expect(existsSync(work.worktree)).toBe(false);
});

test('a last checkpoint without an answer does not hold up a pause, and its worktree is kept', async () => {
  const { promise: answer, resolve } = Promise.withResolvers<null>();
  const work = await workWith({ saved: () => answer });
  await work.work.command({ type: 'pause', data: { within_ms: NEVER_MS } });
  await work.frame('released');
  resolve(null);
  await work.end();
  expect(existsSync(join(work.worktree, 'only.txt'))).toBe(true);
});

test('a last checkpoint that cannot be taken keeps the worktree, also when an earlier one is confirmed late', async () => {
  let isFull = false;
  const exportConversation: OpenCodeClient['exportConversation'] = async (...exported) => {
    if (isFull) throw new Error('no space left on device');
    return fixture.rig.client.exportConversation(...exported);
  };
  const { promise: answer, resolve } = Promise.withResolvers<boolean>();
  const client = withCalls(fixture.rig.client, { exportConversation });
  const work = await workWith({ client, saved: () => answer });
  await work.work.command({ type: 'checkpoint', data: {} });
  isFull = true;
  await work.work.command({ type: 'pause', data: { within_ms: NEVER_MS } });
  await work.frame('released');
  expect(errors(work)).toEqual([expect.stringContaining('could not be saved')]);
  resolve(true);
  await work.end();
  expect(existsSync(join(work.worktree, 'only.txt'))).toBe(true);
});
