import { expect, it } from 'vitest';
import { ContextFollower, type ContextStep } from '../../../src/client/context-follower.ts';
import type { ContextChange } from '../../../src/protocol/context/context.ts';

const BY = { token_id: 'static', agent_id: null, task_id: null, epoch: null };
const ID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';

const change = (version: number): ContextChange => ({
  ...{ version, id: ID, at: '2026-11-22T15:05:00.000Z', by: BY },
  edits: [{ path: '/n', value: version }],
});
const changes = (after: number, version: number, live = true) => {
  const all = Array.from({ length: version - after }, (_, index) => change(after + index + 1));
  return { type: 'changes', after, version, changes: all, live };
};
const hello = (version: number, parts?: number) => ({
  ...{ type: 'hello', context_id: ID, version, head: version },
  ...(parts === undefined ? { mode: 'resume' } : { mode: 'snapshot', parts, reason: 'no_version' }),
});

/** A follower after some frames. @returns it, with the last step */
function after(follower: ContextFollower, ...frames: object[]): ContextStep {
  follower.connect();
  return frames.map((frame) => follower.receive(JSON.stringify(frame))).at(-1)!;
}

function live(): ContextFollower {
  const follower = new ContextFollower();
  after(follower, hello(1, 1), { type: 'snapshot', part: 0, data: '{"n":1}' }, changes(1, 1));
  return follower;
}

it('a follower takes a change that comes again only once', () => {
  const follower = live();
  expect(follower.receive(JSON.stringify(changes(1, 3)))).toMatchObject({ changes: [{ version: 2 }, { version: 3 }] });
  expect(follower.receive(JSON.stringify(changes(1, 4)))).toMatchObject({ changes: [{ version: 4 }] });
  expect(follower.receive(JSON.stringify(changes(2, 3)))).toMatchObject({ ok: true, changes: [] });
  expect(follower).toMatchObject({ version: 4, value: { n: 4 } });
});

it('a follower that misses a change says so, keeps what it has, and resumes there', () => {
  const follower = live();
  expect(follower.receive(JSON.stringify(changes(2, 3)))).toMatchObject({ ok: false, fault: 'gap' });
  expect(follower).toMatchObject({ version: 1, value: { n: 1 } });
  expect(after(follower, hello(1), changes(1, 3))).toMatchObject({ ok: true, live: true, reset: false });
  expect(follower.value).toEqual({ n: 3 });
});

it('a follower discards what it has of a snapshot when the connection is lost', () => {
  const follower = live();
  after(follower, hello(7, 2), { type: 'snapshot', part: 0, data: '{"n":' });
  expect(follower).toMatchObject({ version: 1, value: { n: 1 } });
  const parts = ['{"n":', '9}'].map((data, part) => ({ type: 'snapshot', part, data }));
  expect(after(follower, hello(9, 2), ...parts)).toMatchObject({ ok: true, reset: true, replies: [{ type: 'pull' }] });
  expect(follower).toMatchObject({ version: 9, value: { n: 9 } });
});

it.each([
  ['another version than its own', hello(5)],
  ['changes before the hello', changes(1, 2)],
  ['a part before the hello', { type: 'snapshot', part: 0, data: '1' }],
])('a follower refuses %s', (_, frame) => {
  expect(after(live(), frame)).toMatchObject({ ok: false, fault: 'protocol' });
});

it('a follower has no value before it knows one, and none where there is none', () => {
  const follower = new ContextFollower('/a/b');
  expect(follower.value).toBeUndefined();
  after(follower, hello(3, 0));
  expect([follower.value, follower.version]).toEqual([undefined, 3]);
  expect(follower.receive('{')).toMatchObject({ ok: false, fault: 'protocol' });
  expect(after(follower, hello(3), { type: 'later' })).toMatchObject({ ok: true, replies: [] });
});
