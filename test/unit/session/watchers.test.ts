import { describe, expect, it } from 'vitest';
import { parseCursor } from '../../../src/protocol/common/cursor.ts';
import { MAX_FRAME_BYTES, MAX_WATCHER_LAG_BYTES, utf8Length } from '../../../src/protocol/common/limits.ts';
import type { WatchFrame } from '../../../src/protocol/session/watch-socket.ts';
import { type FakeAgent, note, partDone, text } from './fake-agent.ts';
import { SessionInProcess } from './harness.ts';

const LONG = 'x'.repeat(30_000);

/** Fills the log with more than a page. */
function fill(agent: FakeAgent, notes: number, words = 'note'): void {
  for (let i = 0; i < notes; i += 50) {
    agent.send(...Array.from({ length: Math.min(50, notes - i) }, (_, index) => note(`${words} ${i + index}`)));
  }
}

describe('a watcher', () => {
  it('pulls stored events page by page, and then gets new events pushed, without a gap or a duplicate', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    fill(agent, 1_200);
    const watcher = session.watcher().connect();
    watcher.read(2);
    expect(watcher.live).toBe(false);
    agent.send(note('in the middle of the catch-up'));
    watcher.catchUp();
    expect(watcher.live).toBe(true);
    agent.send(note('live'));
    watcher.catchUp();
    expect(watcher.events).toEqual(await session.events());
    expect(watcher.follower.state).toEqual(await session.folded());
    expect(watcher.faults).toEqual([]);
  });

  it('gets nothing but the hello until it pulls', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const client = session.openWatch();
    fill(agent, 200);
    expect(client.frames().map(({ type }) => type)).toEqual(['hello']);
  });

  it('gets only newer events when it resumes from its cursor', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    fill(agent, 10);
    const watcher = session.watcher().connect().catchUp();
    const known = watcher.events.length;
    watcher.client?.vanish();
    fill(agent, 10);
    watcher.connect().catchUp();
    expect(watcher.events).toEqual(await session.events());
    expect(watcher.events.length).toBe(known + 10);
  });

  it('with a cursor inside a joined event gets exactly the rest', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(text('part', 0, 'one '), text('part', 4, 'two '));
    const watcher = session.watcher().connect().catchUp();
    watcher.client?.vanish();
    agent.send(text('part', 8, 'three'), partDone('part', 13));
    watcher.connect().catchUp();
    expect(watcher.faults).toEqual([]);
    expect(watcher.follower.state).toEqual(await session.folded());
  });

  it.each([
    { why: 'incarnation', after: () => '00000000.3' },
    { why: 'beyond_head', after: (cursor: string) => cursor.replace(/\d+$/, '999') },
  ])('with an unusable cursor ($why) starts from a snapshot', async ({ why, after }) => {
    const session = new SessionInProcess();
    await session.begun();
    const client = session.openWatch(after((await session.view()).cursor));
    expect(client.frames()).toMatchObject([{ type: 'hello', mode: 'snapshot', reason: why }]);
  });

  it('that is 1 MB behind with its acknowledgements is closed with its cursor, and can resume', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const watcher = session.watcher().connect().catchUp();
    const client = watcher.client!;
    for (let i = 0; i < 40; i++) agent.send(note(`${LONG} ${i}`));
    expect(client.closedBy?.code).toBe(4008);
    const sent = client.frames<WatchFrame & { type: 'events' }>();
    expect(client.closedBy?.reason).toBe(sent.at(-1)?.cursor);
    const chars = client.received.reduce((sum, frame) => sum + frame.length, 0);
    expect(chars).toBeLessThanOrEqual(MAX_WATCHER_LAG_BYTES);

    watcher.connect().catchUp();
    expect(watcher.events).toEqual(await session.events());
  });

  it('that pulls without acknowledging is also closed, with a cursor that skips nothing', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    for (let i = 0; i < 60; i++) agent.send(note(`${LONG} ${i}`));
    const client = session.openWatch();
    for (let i = 0; i < 20 && !client.closedBy; i++) client.send({ type: 'pull' });
    const pages = client.frames<WatchFrame>().filter((frame) => frame.type === 'page');
    expect(client.closedBy).toEqual({ code: 4008, reason: pages.at(-1)?.cursor });
  });

  it('that acknowledges what it has not read is closed', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const reader = session.watcher().connect().catchUp();
    const silent = session.watcher().connect().catchUp().client!;
    for (let i = 0; i < 3; i++) agent.send(note(`${LONG} ${i}`));
    const [read] = reader.client!.frames<WatchFrame>().filter((frame) => frame.type === 'mark');
    silent.send({ type: 'ack', mark: read!.mark });
    expect(silent.closedBy?.code).toBe(4000);
    expect(reader.catchUp().client?.closedBy).toBeNull();
  });

  it('that answers its marks is never behind, however much it reads', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const watcher = session.watcher().connect().catchUp();
    for (let i = 0; i < 3 * (MAX_WATCHER_LAG_BYTES / LONG.length); i++) {
      agent.send(note(`${LONG} ${i}`));
      watcher.catchUp();
    }
    const { client } = watcher;
    const again = session.watcher().connect().catchUp();
    expect([client?.closedBy, again.client?.closedBy]).toEqual([null, null]);
    expect(again.events).toEqual(await session.events());
  });

  it('that disappears does not affect other watchers', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    session.openWatch().vanish();
    const watcher = session.watcher().connect().catchUp();
    agent.send(note('still here'));
    expect(watcher.catchUp().events).toEqual(await session.events());
  });

  it('gets a large commit in several frames, none over 1 MiB', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const watcher = session.watcher().connect().catchUp();
    const euros = '€'.repeat(80_000);
    agent.send(...Array.from({ length: 4 }, (_, index) => note(`${euros} ${index}`)));
    const sizes = watcher.client!.received.map((frame) => utf8Length(frame));
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    expect(watcher.catchUp().events).toEqual(await session.events());
  });

  it('that sends an invalid request is closed', async () => {
    const session = new SessionInProcess();
    await session.begun();
    for (const sent of ['{', '{"type":"push"}', '{"type":"ack"}']) {
      const client = session.openWatch();
      client.send(sent);
      expect(client.closedBy?.code).toBe(4000);
    }
  });

  it('is closed when the session is deleted', async () => {
    const session = new SessionInProcess();
    await session.begun();
    const watcher = session.watcher().connect().catchUp();
    await session.runtime.remove(session.call());
    expect(watcher.client?.closedBy?.code).toBe(4010);
  });
});

describe('reading the log', () => {
  it('continues from a cursor, up to the limit, and says whether there is more', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    fill(agent, 20);
    const all = await session.events();
    const first = await session.runtime.events(session.call(), null, 5);
    expect(first).toMatchObject({ value: { has_more: true, reset: false } });
    const page = first.ok ? first.value : null;
    expect(page?.items).toEqual(all.slice(0, 5));
    const rest = await session.runtime.events(session.call(), parseCursor(page!.cursor), 500);
    expect(rest).toMatchObject({ value: { items: all.slice(5), has_more: false, reset: false } });
  });

  it.each([{ cursor: { incarnation: '00000000', seq: 2 } }, { cursor: { incarnation: null, seq: 10_000 } }])(
    'says when a cursor was unusable, and starts from the floor',
    async ({ cursor }) => {
      const session = new SessionInProcess();
      await session.begun();
      const own = parseCursor((await session.view()).cursor)!;
      const after = { incarnation: cursor.incarnation ?? own.incarnation, seq: cursor.seq };
      const page = await session.runtime.events(session.call(), after, 500);
      expect(page).toMatchObject({ value: { reset: true, items: await session.events() } });
    },
  );
});
