import { describe, expect, it, vi } from 'vitest';
import { endSocketsOf } from '../../../durable-objects/kit/platform/sockets.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import { BATCH_BYTES, MAX_FRAME_BYTES } from '../../../src/protocol/common/limits.ts';
import { asked, note, result, text, tool, usage, uuidOf } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess } from './harness.ts';

/** The texts of the agent's notes in the log. */
async function notesOf(session: SessionInProcess): Promise<string[]> {
  return (await session.events()).flatMap((event) => (event.type === 'agent.note' ? [event.data.text] : []));
}

async function rejectedBy(session: SessionInProcess): Promise<{ n: number; reason: string }[]> {
  return (await session.events()).flatMap((event) => (event.type === 'frame.rejected' ? [event.data] : []));
}

function numbered(from: number, ...words: string[]) {
  return words.map((word, index) => ({ n: from + index, ...note(word) }));
}

describe('an agent’s stream of frames', () => {
  it('stores each frame once, and acknowledges and ignores repeated frames', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.client?.send({ type: 'frames', frames: numbered(1, 'a', 'b') });
    agent.client?.send({ type: 'frames', frames: numbered(1, 'a', 'b', 'c') });
    agent.client?.send({ type: 'frames', frames: numbered(2, 'b') });
    expect(agent.client?.take().filter(({ type }) => type === 'ack')).toEqual([
      { type: 'ack', n: 2 },
      { type: 'ack', n: 3 },
      { type: 'ack', n: 3 },
    ]);
    expect(await notesOf(session)).toEqual(['a', 'b', 'c']);
  });

  it('never has a gap: frames before a gap are kept, and the agent gets the expected number', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.read().client?.send({ type: 'frames', frames: [...numbered(1, 'a'), ...numbered(3, 'c')] });
    expect(agent.client?.take()).toEqual([{ type: 'expected', n: 2 }]);
    expect(await notesOf(session)).toEqual(['a']);
    agent.client?.send({ type: 'frames', frames: numbered(2, 'b', 'c') });
    expect(await notesOf(session)).toEqual(['a', 'b', 'c']);
  });

  it('continues after a reconnect from the last stored frame', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.append(note('a'), note('b'));
    agent.client?.send({ type: 'frames', frames: agent.buffer });
    agent.client?.vanish();
    agent.append(note('c')).connect();
    expect(agent.acked).toBe(2);
    agent.flush();
    expect(agent.buffer).toEqual([]);
    expect(await notesOf(session)).toEqual(['a', 'b', 'c']);
  });

  it.each([
    { what: 'another stream', spoil: (agent: { streamId: string }) => (agent.streamId = uuidOf('lost buffer')) },
    { what: 'a head below the acknowledged frames', spoil: (agent: { head: number }) => (agent.head = 1) },
  ])('ends the lease when the agent returns with $what', async ({ spoil }) => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(note('a'), note('b'));
    agent.client?.close();
    spoil(agent);
    agent.connect();
    expect(agent.over).toBe('lease_lost');
    expect(await session.status()).toBe('orphaned');
  });

  it('consumes an invalid frame, records its rejection, and keeps the other frames', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const frames = [{ n: 1, type: 'no.such.thing', data: {} }, ...numbered(2, 'b'), { n: 3, type: 'agent.note' }];
    agent.read().client?.send({ type: 'frames', frames });
    expect(agent.client?.take()).toEqual([{ type: 'ack', n: 3 }]);
    expect(await notesOf(session)).toEqual(['b']);
    expect((await rejectedBy(session)).map(({ n }) => n)).toEqual([1, 3]);
  });

  it('consumes a frame over the size limit, and records its rejection', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(text('part', 0, 'x'.repeat(BATCH_BYTES)), note('after'));
    expect(agent.acked).toBe(2);
    expect(await rejectedBy(session)).toMatchObject([{ n: 1 }]);
    expect(await notesOf(session)).toEqual(['after']);
  });

  it('consumes a frame whose handler throws, records its rejection, and keeps the other frames', async () => {
    const session = new SessionInProcess({ evictBetweenSteps: true });
    const agent = await session.begun();
    const broken = { n: 2, type: 'usage', data: { model: null, sub_agent: false, ...tokens(1), cost_usd: 1 } };
    session.platform.transaction(() => session.platform.exec(`UPDATE session SET usage = 'not json'`, []));
    agent.read().client?.send({ type: 'frames', frames: [...numbered(1, 'a'), broken, ...numbered(3, 'c')] });
    expect(agent.client?.take()).toEqual([{ type: 'ack', n: 3 }]);
    expect(await notesOf(session)).toEqual(['a', 'c']);
    expect((await rejectedBy(session)).map(({ n }) => n)).toEqual([2]);
  });

  it.each([
    { what: 'a cost below zero', frame: usage(-1) },
    { what: 'tokens below zero', frame: usage(1, -100) },
    { what: 'a cost that no call can have', frame: usage(1e300) },
    { what: 'a request whose id is as long as a frame', frame: asked('"'.repeat(500_000)) },
    { what: 'a title that is longer than any', frame: asked('r1', { title: 'x'.repeat(1_000) }) },
    { what: 'an input of a tool that is too long', frame: tool({ input: { text: 'x'.repeat(100_000) } }) },
    { what: 'no data', frame: { type: 'approval.asked', data: null } as never },
  ])('consumes a frame with $what, and counts nothing of it', async ({ frame }) => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(frame, note('after'));
    expect(agent.acked).toBe(2);
    expect(await rejectedBy(session)).toMatchObject([{ n: 1 }]);
    expect(await notesOf(session)).toEqual(['after']);
    expect(await session.view()).toMatchObject({ usage: { turns: 0, cost_usd: 0 }, open_approvals: 0 });
  });

  it('ignores frames after the result', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(result(), note('too late'));
    expect(agent.over).toBe('ended');
    expect(await session.status()).toBe('completed');
    expect(await notesOf(session)).toEqual([]);
  });

  it.each([
    { what: 'result', frame: { ...result(1, { text: 'x'.repeat(100_001) }) } },
    { what: 'release', frame: { type: 'released', data: { reason: 'bored', message: '' } } },
  ])('loses the lease when its $what is invalid, so that nobody waits for an end', async ({ frame }) => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(frame as never);
    expect(agent.over).toBe('lease_lost');
    expect(await session.status()).toBe('orphaned');
    expect(await rejectedBy(session)).toMatchObject([{ n: 1 }]);
  });

  it('answers a result again when the first answer was lost', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.append(result());
    agent.client?.send({ type: 'frames', frames: agent.buffer });
    agent.client?.vanish();
    expect(agent.connect().over).toBe('ended');
    expect((await session.events()).filter(({ type }) => type === 'lease.ended')).toHaveLength(1);
  });
});

describe('a run socket', () => {
  it.each([
    { what: 'invalid JSON', sent: '{' },
    { what: 'an unknown message', sent: '{"type":"hello"}' },
    { what: 'frames without numbers', sent: JSON.stringify({ type: 'frames', frames: [note('a')] }) },
    { what: 'a message over 1 MiB', sent: JSON.stringify({ type: 'frames', frames: ['x'.repeat(MAX_FRAME_BYTES)] }) },
  ])('is closed for $what, and the lease is unchanged', async ({ sent }) => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const before = await session.events();
    agent.client?.send(sent);
    expect(agent.client?.closedBy?.code).toBeGreaterThan(1_000);
    expect(await session.events()).toEqual(before);
    expect(agent.connect().over).toBeNull();
  });

  it('without a claim gets its frames refused, with one counted row and one log line', async () => {
    const session = new SessionInProcess();
    await session.begun();
    const stray = session.openRun(1);
    const logger = vi.fn<Logger>();
    session.platform.logger = logger;
    stray.send({ type: 'frames', frames: numbered(1, 'a') });
    expect(stray.frames()).toMatchObject([{ type: 'lease_lost' }]);
    expect(session.rows('refusals')).toHaveLength(1);
    expect(logger.mock.calls).toEqual([['warn', 'frames_refused', { session_id: SESSION_ID, epoch: 1 }]]);
    expect(await notesOf(session)).toEqual([]);
  });

  it('is closed when the token that opened it is revoked, and its lease ends', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const watcher = session.openWatch();
    endSocketsOf(session.runtime.sockets, session.platform, 'agent-token');
    expect(agent.client?.closedBy?.code).toBe(4001);
    expect(watcher.closedBy).toBeNull();
    expect((await session.view()).status).toBe('orphaned');
  });

  it('takes no frame of a token that has expired, and its lease ends', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const { socket } = agent.client!;
    socket.attach({ ...(socket.attachment() as object), expires_at: session.platform.now() });
    agent.send(result(0, { status: 'completed' }));
    expect(agent.client?.closedBy?.code).toBe(4001);
    expect((await session.view()).status).toBe('orphaned');
  });
});

function tokens(count: number) {
  return {
    input_tokens: count,
    output_tokens: count,
    reasoning_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
  };
}

describe('the session', () => {
  it('shortens an agent’s error so that every view can hold it', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const error = { code: 'c'.repeat(1_000), message: 'm'.repeat(100_000), retryable: false };
    agent.send(result(0, { status: 'failed', error }));
    const view = await session.view();
    expect(view.status).toBe('failed');
    expect([view.error?.code.length, view.error?.message.length]).toEqual([100, 5_000]);
  });

  it('counts refused connections separately up to a limit, and the rest together', async () => {
    const session = new SessionInProcess();
    await session.begun();
    session.platform.logger = () => {};
    for (let n = 0; n < 150; n++) session.openRun(1).send({ type: 'frames', frames: [] });
    const refusals = session.rows<{ connection: string; count: number }>('refusals');
    expect(refusals.length).toBe(101);
    expect(refusals.reduce((sum, { count }) => sum + count, 0)).toBe(150);
  });
});
