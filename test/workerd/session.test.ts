import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { ObjectKit } from '../../durable-objects/kit/runtime.ts';
import type { SessionRuntime } from '../../durable-objects/session/runtime.ts';
import { MAX_FRAME_BYTES } from '../../src/protocol/common/limits.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { moveDeadlines } from '../support/deadlines.ts';
import { eventually } from '../support/eventually.ts';
import {
  requested,
  type SessionObject,
  SocketAgent,
  SocketWatcher,
  sessionObject,
  unwrap,
} from './support/session-in-workerd.ts';

function kitOf(session: object): ObjectKit {
  return (session as { runtime: SessionRuntime }).runtime.parts.kit;
}

function note(text: string): AgentFrameBody {
  return { type: 'agent.note', data: { level: 'info', text } };
}

const DONE: AgentFrameBody = {
  type: 'result',
  data: { status: 'completed', text: 'Done.', messages_done: 1, error: null },
};

async function begun(changes: Record<string, unknown> = {}) {
  const session = sessionObject();
  unwrap(await session.api.create(session.call, session.id, requested(changes)));
  unwrap(await session.api.act(session.call, { action: 'start' }));
  const agent = await new SocketAgent(session).connect();
  return { session, agent };
}

async function statusOf({ api, call }: SessionObject): Promise<string> {
  return unwrap(await api.read(call, [])).status;
}

/** Makes every deadline due now, and runs the alarm. */
async function allIsDue({ stub }: SessionObject, but = ''): Promise<void> {
  await runInDurableObject(stub, (instance, state) => {
    moveDeadlines(kitOf(instance), (name, dueAt) => (name === but ? dueAt : Date.now() - 1));
    state.storage.setAlarm(Date.now() + 1_000_000);
  });
  await runDurableObjectAlarm(stub);
}

describe('a session in workerd', () => {
  it.each([
    { evicted: false, when: 'without an eviction' },
    { evicted: true, when: 'evicted between any two steps' },
  ])('runs its main job $when, with an agent and a watcher on real sockets', async ({ evicted }) => {
    const session = sessionObject();
    const { stub, api, call } = session;
    const step = async () => {
      if (evicted) await evictDurableObject(stub);
    };
    unwrap(await api.create(call, session.id, requested()));
    await step();
    const watcher = await new SocketWatcher(session).connect();
    await eventually(() => expect(watcher.live).toBe(true));
    await step();
    expect(unwrap(await api.act(call, { action: 'start' })).status).toBe('queued');
    await step();
    const agent = await new SocketAgent(session).connect();
    expect(agent.assignment).toMatchObject({ epoch: 1, messages_last: 1 });
    for (let i = 0; i < 5; i++) {
      await step();
      await agent.send(note(`note ${i}`));
    }
    await step();
    await agent.send(DONE);
    expect(agent.over).toBe('ended');
    await step();
    const view = unwrap(await api.read(call, []));
    expect(view).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
    await eventually(() => expect(watcher.follower.cursor).toBe(view.cursor));
    expect(watcher.follower.state.status).toBe('completed');
    expect(watcher.faults).toEqual([]);
    await eventually(() => expect(agent.closeCode).toBe(4011));
  });

  it('knows its workspace and id when only its alarm has woken it', async () => {
    const { session, agent } = await begun();
    await agent.send(note('working'));
    agent.socket?.close(1000, 'gone');
    await eventually(async () =>
      expect(
        await runInDurableObject(session.stub, (_instance, state) => [
          ...state.storage.sql.exec(`SELECT closed_at IS NOT NULL AS closed FROM leases`),
        ]),
      ).toEqual([{ closed: 1 }]),
    );
    await runInDurableObject(session.stub, (instance, state) => {
      state.storage.sql.exec(`UPDATE leases SET seen_at = seen_at - 61000`);
      state.storage.sql.exec(`UPDATE event_batches SET at = at - 61000`);
      moveDeadlines(kitOf(instance), (name, dueAt) => (name === 'lease:1' ? Date.now() - 1 : dueAt));
    });
    await evictDurableObject(session.stub);
    await runDurableObjectAlarm(session.stub);
    expect(await statusOf(session)).toBe('orphaned');
  });

  it('has the same state after its alarm runs twice', async () => {
    const { session } = await begun();
    await allIsDue(session);
    const after = unwrap(await session.api.read(session.call, ['tasks']));
    expect(after.status).toBe('timeout');
    await allIsDue(session, 'retire');
    const again = unwrap(await session.api.read(session.call, ['tasks']));
    expect(again).toEqual(after);
  });

  it('sees pings that the platform answered without waking it, even after their socket closed', async () => {
    const { session, agent } = await begun();
    await runInDurableObject(session.stub, (_instance, state) => {
      state.storage.sql.exec(`UPDATE leases SET seen_at = seen_at - 600000`);
    });
    // The object caches the row, so only an evicted object reads a row that the test has changed.
    await evictDurableObject(session.stub);
    agent.socket?.send('ping');
    await eventually(async () => {
      const [task] = unwrap(await session.api.read(session.call, ['tasks'])).tasks!;
      expect(Date.parse(task!.lease_expires_at!)).toBeGreaterThan(Date.now());
    });
    agent.socket?.close(1000, 'bye');
    await eventually(async () => {
      const [lease] = await runInDurableObject(session.stub, (_instance, state) => [
        ...state.storage.sql.exec<{ seen_at: number; closed_at: number | null }>(
          `SELECT seen_at, closed_at FROM leases`,
        ),
      ]);
      expect(lease!.closed_at).not.toBeNull();
      expect(lease!.seen_at).toBeGreaterThan(Date.now() - 60_000);
    });
  });

  it('moves the lease to its agent’s newest connection, and ignores the close of the older one', async () => {
    const { session, agent } = await begun();
    const first = agent.socket!;
    const closed = new Promise<number>((resolve) => first.addEventListener('close', ({ code }) => resolve(code)));
    await agent.connect();
    expect(await closed).toBe(4012);
    await agent.send(note('on the second'));
    const [lease] = await runInDurableObject(session.stub, (_instance, state) => [
      ...state.storage.sql.exec(`SELECT closed_at, ended FROM leases`),
    ]);
    expect(lease).toEqual({ closed_at: null, ended: null });
  });

  it('accepts nothing over 1 MiB, on a socket or in a row', async () => {
    const { session, agent } = await begun();
    agent.socket?.send(JSON.stringify({ type: 'frames', frames: ['x'.repeat(MAX_FRAME_BYTES)] }));
    await eventually(() => expect(agent.closeCode).toBe(1009));
    expect(await statusOf(session)).toBe('running');
    await agent.connect();
    await agent.send({ ...note('y'.repeat(400_000)) }, note('after'));
    const page = unwrap(await session.api.events(session.call, null, 500));
    expect(page.items.slice(-3).map(({ type }) => type)).toEqual(['frame.rejected', 'task.status', 'agent.note']);
  });

  it('refuses callers of another workspace and unknown sockets', async () => {
    const { session } = await begun();
    const stranger = { ...session, workspace: 'another' };
    await expect(new SocketWatcher(stranger).connect()).rejects.toThrow(/404/);
    const read = await session.api.read(
      { ...session.call, principal: { ...session.call.principal, workspace: 'another' } },
      [],
    );
    expect(read).toMatchObject({ ok: false, failure: { code: 'not_found' } });
  });

  it('closes its sockets when it is deleted, and is then not found', async () => {
    const { session, agent } = await begun();
    const watcher = await new SocketWatcher(session).connect();
    await eventually(() => expect(watcher.live).toBe(true));
    unwrap(await session.api.remove(session.call));
    await eventually(() => expect([watcher.closeCode, agent.closeCode]).toEqual([4010, 4011]));
    await expect(new SocketWatcher(session).connect()).rejects.toThrow(/404/);
  });
});
