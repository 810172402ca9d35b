import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { markKept, markReported } from '../../../runner/git/kept-worktrees.ts';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import { type Clock, processClock } from '../../../runner/lease/clock.ts';
import type { ConnectionEvents, OpenConnection } from '../../../runner/lease/connection.ts';
import { deliverBufferedFrames, recover } from '../../../runner/lease/recovery.ts';
import { eventually } from '../../support/eventually.ts';
import { checkpoint, note, uuidOf } from '../session/fake-agent.ts';
import { MemoryConversations } from './memory-conversations.ts';

const TASK = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001';
const ENDED = { type: 'ended', reason: 'released' };
const DELETED = { type: 'gone', reason: 'the session was deleted', deleted: true };
let directory: string;
let worktrees: string;
let opencode: MemoryConversations;
const closeAll: (() => void)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'oio-recovery-'));
  worktrees = join(directory, 'worktrees');
  opencode = new MemoryConversations();
});
afterEach(() => {
  for (const close of closeAll.splice(0)) close();
  rmSync(directory, { recursive: true, force: true });
});

/** What a process leaves that is killed after it has reported a checkpoint as its third frame. */
function killed(epoch: number): string {
  const path = join(worktrees, `${TASK}-${epoch}`);
  mkdirSync(path, { recursive: true });
  markKept(path, 'base');
  const agent = { agent_id: uuidOf('agent'), agent_name: 'AGENT-A', instance_id: uuidOf('instance') };
  const buffer = FrameBuffer.create(join(directory, 'leases'), { task_id: TASK, epoch, ...agent });
  buffer.markGranted();
  for (const frame of [note('one'), note('two'), checkpoint('one').at(-1)!, note('four')]) buffer.append(frame);
  buffer.close();
  return path;
}

/** A session that answers each claim with one message. */
const answering =
  (message: object, asked: string[]): OpenConnection =>
  (path, events) => {
    asked.push(path);
    setTimeout(() => events.opened());
    const send = (text: string) => {
      if (text.includes('"present"')) events.received(JSON.stringify(message));
    };
    return { send: (text) => void setTimeout(() => send(text)), close: () => void asked.push('closed') };
  };

function start(openConnection: OpenConnection, isAtWork = false): { close(): void } {
  const recovery = recover({
    buffers: join(directory, 'leases'),
    worktrees,
    repository: { removeWorktree: (path: string) => rm(path, { recursive: true, force: true }), rootCommit: '' },
    opencode,
    agent: { agent_id: uuidOf('agent'), agent_name: 'AGENT-A', instance_id: uuidOf('next instance') },
    openConnection,
    isAtWork: () => isAtWork,
    log: () => undefined,
  });
  closeAll.push(recovery.close);
  return recovery;
}

async function deliver(message: object, isAtWork = false, asked: string[] = []): Promise<void> {
  start(answering(message, asked), isAtWork);
  await eventually(() => expect(readdirSync(join(directory, 'leases'))).toEqual([]));
}

test('a worktree that was kept only until its checkpoint is confirmed goes when the session has the checkpoint', async () => {
  const path = killed(1);
  markReported(path);
  await deliver({ ...ENDED, saved: 3 });
  await eventually(() => expect(readdirSync(worktrees)).toEqual([]));
});

test.each([
  ['the session refused the checkpoint', { ...ENDED, saved: 2 }, true],
  ['the session never got it', { type: 'lease_lost', reason: 'agent_silent', saved: 0 }, true],
  ['the session does not say', { type: 'lease_lost', reason: 'agent_silent' }, true],
  ['no checkpoint could hold the work', { ...ENDED, saved: 3 }, false],
])('a kept worktree stays when %s', async (_, message, isReported) => {
  const path = killed(1);
  if (isReported) markReported(path);
  await deliver(message);
  expect(readdirSync(worktrees)).toEqual([`${TASK}-1`, `${TASK}-1.kept`]);
});

test('the next lease of which a killed process has not heard is given back', async () => {
  killed(1);
  const given = { task_id: TASK.replace(/1$/, '2'), epoch: 1 };
  const said: Record<string, unknown>[] = [];
  const openConnection: OpenConnection = (_path, events) => {
    setTimeout(() => events.opened());
    const answer = (of: object, message: object) => events.received(JSON.stringify({ of, ...message }));
    const receive = (message: { type: string; of: { task_id: string } }) => {
      said.push(message);
      const isGiven = message.of.task_id === given.task_id;
      const next = { stream_id: 'given', assignment: given, ttl_ms: 60_000, messages: [] };
      if (!isGiven) answer(message.of, { ...ENDED, saved: 3, next });
      else if (message.type === 'frames') answer(message.of, { ...ENDED, saved: 0 });
      else answer(message.of, { type: 'lease', assignment: given, acked: 0, saved: 0, ttl_ms: 60_000 });
    };
    return {
      send: (text) => void (text !== 'ping' && setTimeout(() => receive(JSON.parse(text)))),
      close: () => undefined,
    };
  };
  start(openConnection);
  await eventually(() => expect(said.at(-1)?.type).toBe('frames'));
  await eventually(() => expect(readdirSync(join(directory, 'leases'))).toEqual([]));
  expect(said.find(({ stream_id }) => stream_id === 'given')).toMatchObject({ type: 'present', of: given });
  expect(said.at(-1)).toMatchObject({ of: given, frames: [{ n: 1, type: 'released', data: { reason: 'lost' } }] });
});

test('a kept worktree in which a newer lease works stays', async () => {
  const path = killed(1);
  markReported(path);
  await deliver({ ...ENDED, saved: 3 }, true);
  expect(existsSync(path)).toBe(true);
});

test('nothing of a deleted session stays: no frames, and no kept worktree or conversation of any of its leases', async () => {
  killed(1);
  rmSync(join(directory, 'leases'), { recursive: true });
  const path = killed(2);
  opencode.directories.push(join(path, 'packages/one'), join(worktrees, 'other-1'));
  await deliver(DELETED);
  await eventually(() => expect(readdirSync(worktrees)).toEqual([]));
  await eventually(() => expect(opencode.directories).toEqual([join(worktrees, 'other-1')]));
});

test.each([
  ['goes when its session was deleted since', DELETED, []],
  [
    'stays when its session exists',
    { type: 'gone', reason: 'the offer was withdrawn' },
    [`${TASK}-1`, `${TASK}-1.kept`],
  ],
])('a kept worktree of a lease that has ended %s', async (_, message, expected) => {
  killed(1);
  rmSync(join(directory, 'leases'), { recursive: true });
  const asked: string[] = [];
  await deliver({ ...message }, false, asked);
  await eventually(() => expect(asked).toEqual([`/ws/leases/${TASK}/1`, 'closed']));
  await eventually(() => expect(readdirSync(worktrees)).toEqual(expected));
});

test('about many kept worktrees, at most four sessions are asked at a time, and none after the end', () => {
  for (let epoch = 1; epoch <= 10; epoch++) killed(epoch);
  rmSync(join(directory, 'leases'), { recursive: true });
  const asked: string[] = [];
  const open = new Set<ConnectionEvents>();
  const recovery = start((path, events) => {
    asked.push(path);
    open.add(events);
    return { send: () => undefined, close: () => void open.delete(events) };
  });
  const answer = () => [...open][0]!.received(JSON.stringify({ type: 'gone', reason: 'the offer was withdrawn' }));
  const reject = () => {
    const [events] = open;
    open.delete(events!);
    events!.closed('status 404', { status: 404, detail: null });
  };
  expect([asked.length, open.size]).toEqual([4, 4]);
  answer();
  reject();
  expect([asked.length, open.size]).toEqual([6, 4]);
  for (let left = 3; left > 0; left--) answer();
  expect([asked.length, open.size, new Set(asked).size]).toEqual([9, 4, 9]);
  recovery.close();
  expect([asked.length, open.size]).toEqual([9, 0]);
});

test('the frames of many leases are delivered eight at a time, and one that hangs does not keep the others waiting', async () => {
  for (let epoch = 1; epoch <= 20; epoch++) killed(epoch);
  const turns: (() => void)[] = [];
  const clock: Clock = {
    ...processClock,
    after: (ms, run) => {
      if (ms === 30_000) turns.push(run);
      return () => undefined;
    },
  };
  const open = new Map<string, ConnectionEvents>();
  const openConnection: OpenConnection = (path, events) => {
    open.set(path, events);
    return { send: () => undefined, close: () => void open.delete(path) };
  };
  const outcome = { saved: () => undefined, deleted: () => undefined };
  const buffers = join(directory, 'leases');
  const delivery = deliverBufferedFrames(buffers, '', openConnection, outcome, () => undefined, clock);
  expect(open.size).toBe(8);
  const answer = () => {
    const [[path, events] = []] = open;
    events!.received(JSON.stringify({ ...ENDED, saved: 3 }));
    open.delete(path!);
  };
  for (let count = 0; count < 4; count++) answer();
  expect(open.size).toBe(8);
  for (const turn of turns.slice(-8)) turn();
  expect(open.size).toBe(16);
  while (open.size > 0) answer();
  expect(readdirSync(buffers)).toEqual([]);
  delivery.close();
});

test('frames that wait for their turn stay for the next start', () => {
  for (let epoch = 1; epoch <= 20; epoch++) killed(epoch);
  start(() => ({ send: () => undefined, close: () => undefined })).close();
  const left = FrameBuffer.openAll(join(directory, 'leases'));
  expect(left).toHaveLength(20);
  for (const buffer of left) buffer.close();
});
