import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, it } from 'vitest';
import { startAgent } from '../../docs/clients/agent.js';
import { watch } from '../../docs/clients/watch.js';
import type { SessionRuntime } from '../../durable-objects/session/runtime.ts';
import { sessionName } from '../../src/adapters/objects/names.ts';
import { applyEvents, emptyState } from '../../src/domain/session/session-state.ts';
import { ControlDown, ControlUp } from '../../src/protocol/agent/control-socket.ts';
import type { EventPage, SessionEvent } from '../../src/protocol/events/envelope.ts';
import { AgentFrame } from '../../src/protocol/run/frames.ts';
import { RunDown, RunUp } from '../../src/protocol/run/run-socket.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { SessionState } from '../../src/protocol/session/session-state.ts';
import { WatchFrame, WatchRequest } from '../../src/protocol/session/watch-socket.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import { eventually } from '../support/eventually.ts';
import { ask, HOST, newWorkspace, signToken } from './http-support.ts';
import { type Recorded, socketsOf } from './support/worker-socket.ts';

const PONG = 'pong';
/** Schemas of the frames of each kind of socket, up and down. */
const FRAMES = {
  '/ws/sessions/': [WatchRequest, WatchFrame],
  '/ws/leases/': [RunUp, RunDown],
  '/ws/agents/': [ControlUp, ControlDown],
} as const;

/** The clients of the documents in a workspace of their own. Their sockets and what they carry are kept. */
class Place {
  readonly workspace = newWorkspace();
  readonly connections: Recorded[] = [];
  readonly end = new AbortController();
  readonly #admin = signToken('admin', this.workspace);

  async ask<T>(path: string, options: Parameters<typeof ask>[1] = {}): Promise<T> {
    const response = await ask(path, { token: await this.#admin, ...options });
    expect(response.status).toBeLessThan(300);
    return response.json();
  }

  async optionsFor(role: string) {
    const body = { name: role, role };
    const { token } = await this.ask<CreatedToken>('/api/v1/tokens', { body });
    return {
      url: HOST,
      token,
      fetch: (url: string, { headers, body, ...options }: RequestInit) => {
        const path = url.slice(HOST.length);
        return ask(path, { ...options, headers, raw: body } as Parameters<typeof ask>[1]);
      },
      WebSocket: socketsOf((connection) => this.connections.push(connection)),
      signal: this.end.signal,
    };
  }

  async create(initial_prompt = 'one'): Promise<string> {
    const { id } = await this.ask<SessionView>('/api/v1/sessions', { body: { title: 'A session', initial_prompt } });
    return id;
  }

  act(id: string, action: string): Promise<SessionView> {
    return this.ask(`/api/v1/sessions/${id}/${action}`, { method: 'POST' });
  }

  read(id: string): Promise<SessionView> {
    return this.ask(`/api/v1/sessions/${id}`);
  }

  say(id: string, text: string): Promise<unknown> {
    return this.ask(`/api/v1/sessions/${id}/messages`, { body: { text } });
  }

  async log(id: string): Promise<SessionEvent[]> {
    return (await this.ask<EventPage>(`/api/v1/sessions/${id}/events?limit=500`)).items;
  }

  socketsAt(path: string): Recorded[] {
    return this.connections.filter((connection) => connection.path.startsWith(path));
  }

  async watch(id: string, after: string | null = null) {
    const seen = { snapshots: [] as (SessionState | null)[], events: [] as SessionEvent[], cursor: '' };
    const ended = watch({
      ...(await this.optionsFor('viewer')),
      id,
      after,
      onSnapshot: (state: SessionState | null, cursor: string) => {
        seen.snapshots.push(state);
        seen.cursor = cursor;
      },
      onEvents: (events: SessionEvent[], cursor: string) => {
        seen.events.push(...events);
        seen.cursor = cursor;
      },
    } as never);
    return Object.assign(seen, { ended });
  }

  async agent(name = 'AGENT-EXAMPLE', answer = echo) {
    const agentId = crypto.randomUUID();
    startAgent({ ...(await this.optionsFor('agent')), agentId, name, answer } as never);
    return agentId;
  }
}

async function* echo(prompt: string, conversation: string[]): AsyncIterable<string> {
  yield `${conversation.length / 2} before. `;
  yield `You said: ${prompt}.`;
}

const places: Place[] = [];
function newPlace(): Place {
  const place = new Place();
  places.push(place);
  return place;
}

/** The frames of all sockets are what the schemas, and therefore the tables of the documents, say. */
afterEach(() => {
  for (const place of places.splice(0)) {
    place.end.abort();
    for (const { path, up, down } of place.connections) {
      const [start, [Up, Down]] = Object.entries(FRAMES).find(([start]) => path.startsWith(start))!;
      for (const [Schema, texts] of [[Up, up] as const, [Down, down] as const]) {
        for (const text of texts) {
          if (text === PONG || text === 'ping') continue;
          const frame = JSON.parse(text);
          expect(Schema().parse(frame), start).toEqual(frame);
          for (const each of frame.type === 'frames' ? frame.frames : [])
            expect(AgentFrame().parse(each)).toEqual(each);
        }
      }
    }
  }
});

it('the agent of the document does a session, and the watcher of the document sees each event once', async () => {
  const place = newPlace();
  const id = await place.create();
  const seen = await place.watch(id);
  await place.agent();
  await place.act(id, 'start');
  await eventually(async () => expect(await place.read(id)).toMatchObject({ status: 'completed' }));
  const session = await place.read(id);
  expect(session.result).toMatchObject({ success: true, text: '0 before. You said: one.' });
  await eventually(() => expect(seen.cursor).toBe(session.cursor));
  expect(seen.snapshots).toEqual([]);
  expect(applyEvents(emptyState(), seen.events)).toMatchObject({ status: 'completed', result: session.result });
  expect(applyEvents(emptyState(), seen.events)).toEqual(applyEvents(emptyState(), await place.log(id)));
});

it('the clients of the documents lose and double nothing when their sockets are cut', async () => {
  const place = newPlace();
  const id = await place.create();
  const seen = await place.watch(id);
  async function* cutOften(prompt: string): AsyncIterable<string> {
    for (let word = 0; word < 12; word++) {
      yield `${prompt} ${word}. `;
      if (word % 3 === 0) for (const { socket } of place.socketsAt('/ws/')) socket.close();
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  await place.agent('AGENT-CUT', cutOften);
  await place.act(id, 'start');
  await eventually(async () => expect(await place.read(id)).toMatchObject({ status: 'completed' }));
  expect(place.socketsAt('/ws/leases/').length).toBeGreaterThan(1);
  const session = await place.read(id);
  const words = Array.from({ length: 12 }, (_, word) => `one ${word}. `).join('');
  expect(session.result).toMatchObject({ text: words });
  await eventually(() => expect(seen.cursor).toBe(session.cursor));
  const { transcript } = applyEvents(emptyState(), seen.events);
  expect(transcript.filter(({ kind }) => kind === 'text')).toMatchObject([{ text: words, done: true }]);
  let head = 0;
  for (const { from_seq, seq } of seen.events) {
    expect(from_seq).toBe(head + 1);
    head = seq;
  }
});

it('an agent of the document pauses on request, and goes on from the checkpoint with the whole conversation', async () => {
  const place = newPlace();
  const id = await place.create();
  let isHeld = true;
  async function* held(prompt: string, conversation: string[]): AsyncIterable<string> {
    while (isHeld && prompt === 'two') {
      yield '.';
      await new Promise((resolve) => setTimeout(resolve));
    }
    yield* echo(prompt, conversation);
  }
  await place.agent('AGENT-HELD', held);
  await place.say(id, 'two');
  await place.act(id, 'start');
  await eventually(async () => expect((await place.log(id)).map(({ type }) => type)).toContain('checkpoint.created'));
  await place.act(id, 'pause');
  await eventually(async () => expect((await place.read(id)).status).toBe('paused'));
  isHeld = false;
  await place.act(id, 'resume');
  await eventually(async () => expect((await place.read(id)).status).toBe('completed'));
  expect((await place.read(id)).result).toMatchObject({ text: '1 before. You said: two.' });
});

it('the watcher of the document starts from a snapshot when the log does not begin where its cursor is', async () => {
  const place = newPlace();
  const id = await place.create();
  await place.agent();
  await place.act(id, 'start');
  await eventually(async () => expect((await place.read(id)).status).toBe('completed'));
  const before = await place.watch(id);
  const { cursor } = await place.read(id);
  await eventually(() => expect(before.cursor).toBe(cursor));
  const stub = env.SESSION.getByName(sessionName(place.workspace, id));
  await runInDurableObject(stub, (instance) => {
    const { kit, log } = (instance as unknown as { runtime: SessionRuntime }).runtime.parts;
    kit.store.transact(() => log.trim(log.head()));
  });
  const fresh = await place.watch(id);
  const stale = await place.watch(id, cursor.replace(/\d+$/, '1'));
  const foreign = await place.watch(id, '00000000.7');
  for (const one of [fresh, stale, foreign]) {
    await eventually(() => expect(one.snapshots).toHaveLength(1));
    expect(one.cursor).toBe(cursor);
    expect(SessionState().parse(one.snapshots[0])).toEqual(one.snapshots[0]);
    expect(one.snapshots[0]).toEqual(applyEvents(emptyState(), before.events));
  }
});

it('the watcher of the document forgets the log of another session that had its cursor', async () => {
  const place = newPlace();
  const id = await place.create();
  const seen = await place.watch(id, '00000000.7');
  await eventually(async () => expect(seen.cursor).toBe((await place.read(id)).cursor));
  expect(seen.snapshots).toEqual([null]);
});

it('the watcher of the document ends when its session is deleted, or its token is revoked', async () => {
  const place = newPlace();
  const [deleted, other] = [await place.create(), await place.create()];
  const [first, second] = [await place.watch(deleted), await place.watch(other)];
  await eventually(() => expect([first.cursor, second.cursor]).not.toContain(''));
  await ask(`/api/v1/sessions/${deleted}`, { method: 'DELETE', token: await signToken('admin', place.workspace) });
  expect(await first.ended).toMatchObject({ code: 4010 });
  const { items } = await place.ask<{ items: { id: string }[] }>('/api/v1/tokens');
  for (const { id } of items) {
    await ask(`/api/v1/tokens/${id}`, { method: 'DELETE', token: await signToken('admin', place.workspace) });
  }
  expect(await second.ended).toMatchObject({ code: 4001 });
});
