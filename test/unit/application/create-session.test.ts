import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { createSession } from '../../../src/application/create-session.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { Sessions } from '../../../src/ports/sessions.ts';
import { CreateSessionRequest, UpdateSessionRequest } from '../../../src/protocol/session/requests.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { WorkspaceInProcess } from '../../support/workspace-in-process.ts';
import { SessionInProcess, unwrap } from '../session/harness.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PERIOD_MS = 10 * DAY_MS;
const REQUEST = CreateSessionRequest().parse({ title: 'Nightly', initial_prompt: 'Do it' });

/** Sessions whose objects share one clock, which starts some hours into a period of keys. */
function workspaceAt(hours: number) {
  const clock = { now: Math.ceil(Date.UTC(2026, 10, 27) / PERIOD_MS) * PERIOD_MS + hours * HOUR_MS };
  const objects = new Map<string, SessionInProcess>();
  const calls: string[] = [];
  const sessions = {
    at: (_workspace: string, id: string) => {
      const object = objects.get(id) ?? new SessionInProcess({ platform: new NodePlatform() });
      objects.set(id, object);
      object.platform.clock = clock.now;
      calls.push(id);
      return object.runtime;
    },
  } as unknown as Sessions;
  const dependencies = {
    sessions,
    workspaces: { of: () => new WorkspaceInProcess().api },
    digest: async (workspace: string, text: string) =>
      new Uint8Array(createHmac('sha256', workspace).update(text).digest()),
    effects: { now: () => clock.now, uuid: () => 'u', randomBytes: (count: number) => new Uint8Array(count) },
  };
  const create = (key: string | null, fingerprint = 'same', changes: Partial<CreateSessionRequest> = {}) => {
    const idempotency = key === null ? null : { key, fingerprint };
    const call = { ...new SessionInProcess().call(), idempotency } as Call;
    return createSession(dependencies, call, { ...REQUEST, ...changes });
  };
  const remove = async (id: string) => unwrap(await objects.get(id)!.runtime.remove(new SessionInProcess().call()));
  return { clock, calls, create, remove };
}

const idOf = async (created: ReturnType<ReturnType<typeof workspaceAt>['create']>) => unwrap(await created).id;

it('a key creates one session for a day, and another one after it', async () => {
  const { clock, create } = workspaceAt(30);
  const first = await idOf(create('nightly'));
  clock.now += DAY_MS - 1;
  expect(await idOf(create('nightly'))).toBe(first);
  clock.now += 1;
  const second = await idOf(create('nightly', 'another body'));
  expect(second).not.toBe(first);
  clock.now += HOUR_MS;
  expect(await idOf(create('nightly', 'another body'))).toBe(second);
});

it('a key that is used each night creates a session each night, over the ends of periods', async () => {
  const { clock, create } = workspaceAt(12);
  const ids = new Set<string>();
  for (let night = 0; night < 25; night++) {
    const id = await idOf(create('nightly'));
    clock.now += HOUR_MS;
    expect(await idOf(create('nightly')), `a repeat in night ${night}`).toBe(id);
    ids.add(id);
    clock.now += DAY_MS;
  }
  expect(ids.size).toBe(25);
});

it('a repeat finds the session that was created at the end of the period before', async () => {
  const { clock, create } = workspaceAt(10 * 24 - 1);
  const first = await idOf(create('k'));
  clock.now += 2 * HOUR_MS;
  expect(await idOf(create('k'))).toBe(first);
});

it('a key whose session was deleted creates nothing on that day, and a session on the next', async () => {
  const { clock, create, remove } = workspaceAt(30);
  await remove(await idOf(create('k')));
  expect(await create('k')).toMatchObject({ ok: false, failure: { code: 'not_found' } });
  clock.now += DAY_MS;
  unwrap(await create('k'));
});

it('a key with another body is refused for a day', async () => {
  const { create } = workspaceAt(30);
  unwrap(await create('k'));
  expect(await create('k', 'another body')).toMatchObject({ ok: false, failure: { code: 'idempotency_mismatch' } });
});

it('the first use of a key is one call, and two on the first day of a period', async () => {
  const [later, earlier] = [workspaceAt(30), workspaceAt(2)];
  unwrap(await later.create('k'));
  unwrap(await earlier.create('k'));
  expect([later.calls.length, earlier.calls.length]).toEqual([1, 2]);
});

it('a parent must exist when its session is created, and not for a repeat', async () => {
  const { create, remove } = workspaceAt(30);
  const missing = { failure: { code: 'validation_failed', errors: [{ path: 'parent_session_id' }] } };
  const unknown = { parent_session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000' };
  for (const key of ['child', null]) expect(await create(key, 'same', unknown)).toMatchObject(missing);

  const parent = { parent_session_id: await idOf(create('parent')) };
  const child = await idOf(create('child', 'same', parent));
  await remove(parent.parent_session_id);
  expect(await idOf(create('child', 'same', parent))).toBe(child);
  expect(await create('other child', 'same', parent)).toMatchObject(missing);
});

it('a tag that comes twice is one tag', () => {
  const tags = ['a', ' b', 'a ', 'b'];
  expect(CreateSessionRequest().parse({ ...REQUEST, tags }).tags).toEqual(['a', 'b']);
  expect(UpdateSessionRequest().parse({ tags })).toEqual({ tags: ['a', 'b'] });
});

it('a repository’s URL with a password is refused, and not repeated in the error', () => {
  const parsed = CreateSessionRequest().safeParse({
    ...REQUEST,
    repository: { url: 'https://me:secret@example.com/a' },
  });
  expect(parsed.error?.issues).toMatchObject([{ path: ['repository', 'url'] }]);
  expect(JSON.stringify(parsed.error?.issues)).not.toContain('secret');
});
