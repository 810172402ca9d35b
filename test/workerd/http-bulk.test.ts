import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/ports/calls.ts';
import type { SessionApi } from '../../src/ports/sessions.ts';
import { Unavailable } from '../../src/ports/unavailable.ts';
import { ok } from '../../src/protocol/common/errors.ts';
import { appWith, ask, SESSION_ID, STATIC_TOKEN, sessionsWith, sessionView } from './http-support.ts';

const token = STATIC_TOKEN;

/** An application that records the creates of its sessions. */
function recording() {
  const calls: { call: Call; request: unknown }[] = [];
  const sessions = sessionsWith({
    create: async (call, id, request) => {
      calls.push({ call, request });
      return ok(sessionView({ id, title: request.title, created_at: new Date().toISOString() }));
    },
  });
  return { calls, ...appWith({ sessions }) };
}

describe('a bulk request', () => {
  it('gives each item its own outcome and its own idempotency key', async () => {
    const { ask, calls } = recording();
    const sessions = [
      { title: 'First', initial_prompt: 'x' },
      { title: 'no' },
      { title: 'Third', initial_prompt: 'x' },
    ];
    const key = crypto.randomUUID();
    const headers = { 'Idempotency-Key': key };
    const response = await ask('/api/v1/sessions/bulk', { token, headers, body: { action: 'create', sessions } });
    expect(response.status).toBe(200);
    const result = (await response.json()) as { items: Record<string, unknown>[]; succeeded: number; failed: number };
    expect(result).toMatchObject({ succeeded: 2, failed: 1 });
    expect(result.items.map(({ index, ok, http_status }) => [index, ok, http_status])).toEqual([
      [0, true, 201],
      [1, false, 422],
      [2, true, 201],
    ]);
    expect(result.items[1]).toMatchObject({ error: { code: 'validation_failed' }, session_id: null });
    expect(calls.map(({ call }) => call.idempotency?.key).sort()).toEqual([`static\n${key}\n0`, `static\n${key}\n2`]);
    expect(new Set(result.items.map(({ session_id }) => session_id)).size).toBe(3);
  });

  it('keeps the outcomes of the other items when one item fails with a bug, and logs it', async () => {
    const bugs = ['two'];
    const create: SessionApi['create'] = async (_call, id, { title }) => {
      if (bugs.includes(title)) throw new Error('a bug');
      return ok(sessionView({ id, title }));
    };
    const { ask, lines } = appWith({ sessions: sessionsWith({ create }) });
    const sessions = ['one', 'two', 'three'].map((title) => ({ title, initial_prompt: 'x' }));
    const response = await ask('/api/v1/sessions/bulk', { token, body: { action: 'create', sessions } });
    const { items } = (await response.json()) as { items: { http_status: number; error: unknown }[] };
    expect(items.map(({ http_status }) => http_status)).toEqual([201, 500, 201]);
    expect(items[1]?.error).toMatchObject({ code: 'internal_error' });
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', event: 'unexpected_error' }));
  });

  it('lets other requests in between its items', async () => {
    const state = { done: 0, seen: new Set<number>() };
    const act = async () => {
      state.done++;
      return ok(sessionView({ status: 'queued' }));
    };
    const { ask } = appWith({ sessions: sessionsWith({ act }) });
    const ids = Array.from({ length: 60 }, (_, index) => SESSION_ID.replace('0198', String(1_000 + index)));
    const running = ask('/api/v1/sessions/bulk', { token, body: { action: 'start', session_ids: ids } });
    while (state.done < ids.length) {
      state.seen.add(state.done);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await running;
    expect(state.seen.size).toBeGreaterThan(5);
  });

  it('repeats items that could not be reached, under the same key', async () => {
    const state = { away: true };
    const act = async () => {
      if (state.away) throw new Unavailable('the object');
      return ok(sessionView({ status: 'queued' }));
    };
    const { ask } = appWith({ sessions: sessionsWith({ act }) });
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const start = async () => {
      const body = { action: 'start', session_ids: [SESSION_ID] };
      return await (await ask('/api/v1/sessions/bulk', { token, headers, body })).json();
    };
    expect(await start()).toMatchObject({ failed: 1, items: [{ http_status: 503 }] });
    state.away = false;
    expect(await start()).toMatchObject({ failed: 0, items: [{ http_status: 200 }] });
    state.away = true;
    expect(await start(), 'the stored response').toMatchObject({ failed: 0, items: [{ http_status: 200 }] });
  });

  it('full of invalid items is answered and stored, without field errors if they are too long', async () => {
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const wrong = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`m${index}`, 0]));
    const create = () =>
      ask('/api/v1/sessions/bulk', { token, headers, body: { action: 'create', sessions: [wrong] } });
    const first = await create();
    expect(first.status).toBe(200);
    expect(await (await create()).json()).toEqual(await first.json());
  });

  it('without the list of its action is refused', async () => {
    const response = await ask('/api/v1/sessions/bulk', { token, body: { action: 'cancel', sessions: [{}] } });
    expect(response.status).toBe(422);
  });
});
