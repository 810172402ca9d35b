import { describe, expect, it } from 'vitest';
import { Claims } from '../../../runner/mcp/claims.ts';
import { ContextTools } from '../../../runner/mcp/context-tools.ts';
import { Disputes } from '../../../runner/mcp/disputes.ts';
import { SeenVersions } from '../../../runner/mcp/seen-versions.ts';
import { ApiError, ConnectionError, localProblem } from '../../../src/client/errors.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';

const session_id = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000' as never;
const leaseOf = (epoch: number) => ({ session_id, task_id: taskIdOf(session_id, 1), epoch });
const OWN = `session.${session_id}.task-1`;

/** What a task keeps in a context of its own. Other calls fail. */
function ownContext(data: Record<string, unknown> = {}) {
  const kept = new Map(Object.entries(data).map(([name, value]) => [`/${name}`, value]));
  const contexts = {
    get: async () => ({
      id: OWN,
      data: Object.fromEntries([...kept].map(([place, value]) => [place.slice(1), value])),
    }),
    putKey: async (_: string, place: string, { value }: { value: unknown }) => void kept.set(place, value),
    removeKey: async (id: string, place: string) => void (id === OWN && kept.delete(place)),
    update: async () => ({ version: 9 }),
    // All that is kept waits for an answer.
    listConflicts: async () => ({
      items: [...kept.keys()].map((path) => ({ path, source_id: OWN })),
      next_cursor: null,
    }),
  };
  return { kept, contexts };
}

function seenBefore() {
  const seen = new SeenVersions();
  seen.begin(`session.${session_id}`, 5);
  return seen;
}

function toolsOf(contexts: object, disputes: unknown = { decided: async () => {} }, seen = seenBefore()) {
  const tools = new ContextTools({ contexts, lease: leaseOf(1), agentId: 'x', seen, disputes } as never);
  return { tools, seen };
}

describe('what was kept of a refused value', () => {
  it('no longer counts when a later lease of the task has decided', async () => {
    const { kept, contexts } = ownContext({ a: 'refused', b: 'other' });
    await new Disputes({ contexts, lease: leaseOf(2) } as never).decided('/a', 'decided');
    expect([...kept]).toEqual([
      ['/a', 'decided'],
      ['/b', 'other'],
    ]);
  });

  it('no longer counts when the model removes the place', async () => {
    const { kept, contexts } = ownContext();
    const disputes = new Disputes({ contexts, lease: leaseOf(1) } as never);
    await disputes.keep('/a', 'refused');
    await toolsOf(contexts, disputes).tools.patch({ a: null }, {});
    expect([...kept]).toEqual([]);
  });
});

describe('a refused write', () => {
  const SESSIONS = `session.${session_id}`;
  /** The context of the session, which this worktree has not read. */
  const unread = (data: object, secret_paths: string[] = []) => {
    const { kept, contexts } = ownContext();
    const get = async (id: string) => (id === SESSIONS ? { version: 7, data, secret_paths } : contexts.get());
    const merge = async () => ({});
    const session = { ...contexts, get, merge, create: async () => ({ version: 7 }) };
    const disputes = new Disputes({ contexts: session, lease: leaseOf(1) } as never);
    const { tools } = toolsOf(session, disputes, new SeenVersions());
    return { kept, session, disputes, tools };
  };

  it('of several places keeps the values of all that others have set, and shows both sides of each', async () => {
    const { kept, disputes, tools } = unread({ a: 1, b: { c: 2 } });
    const refused = tools.patch({ a: 'one', b: { c: 'two' }, d: 'new' }, {});
    await expect(refused).rejects.toThrow(
      /\/a\n {2}now: {3}1\n {2}yours: "one"\n\/b\/c\n {2}now: {3}2\n {2}yours: "two"/,
    );
    expect([...kept]).toEqual([
      ['/a', 'one'],
      ['/b/c', 'two'],
    ]);
    expect(disputes.unmerged()).toContain(`/a, /b/c. The task was not done, so that its values are not merged.`);
    expect(disputes.unmerged()).toContain(OWN);
  });

  it('of an item keeps the array with it, so that a merge does not replace the array by something else', async () => {
    const { kept, tools } = unread({ plan: { steps: ['a', { n: 1 }] } });
    await expect(tools.set('plan/steps/1/n', 2, {})).rejects.toThrow('/plan/steps\n  now:   ["a",{"n":1}]');
    expect([...kept]).toEqual([['/plan/steps', ['a', { n: 2 }]]]);
  });

  it('shows both values also if its own cannot be kept at once, and keeps it before the merge', async () => {
    const { kept, session, disputes, tools } = unread({ a: 1 });
    const { putKey } = session;
    session.putKey = async () => {
      throw new ConnectionError('the connection was lost');
    };
    await expect(tools.set('a', 'mine', {})).rejects.toThrow(/now: {3}1\n {2}yours: "mine"/);
    await expect(disputes.merge('manual')).rejects.toThrow('/a');
    session.putKey = putKey;
    expect(await disputes.merge('manual')).toContain('/a');
    expect([...kept]).toEqual([['/a', 'mine']]);
  });

  it('of a value with a secret in it keeps nothing where it would be no secret, and says so', async () => {
    const { kept, tools } = unread({ deploy: { token: 'old', by: 'x' } }, ['/deploy/token']);
    const refused = await tools.set('deploy', { token: 'new', by: 'y' }, {}).catch((error: Error) => error.message);
    expect(refused).toContain('Your value of /deploy cannot be kept until then.');
    expect(refused).not.toMatch(/"old"|"new"/);
    expect([...kept]).toEqual([]);
  });
});

it('an answer to a conflict whose place others have changed shows what is there, and the same one again decides', async () => {
  const keys = [{ path: '/a', current: 'newer', yours: 'mine' }];
  const current = { version: 8, can_merge: false, keys };
  const problem = { ...localProblem('context_conflict', 409, 'The context has changed', 'Choose.'), current };
  const asked: unknown[] = [];
  const resolve = async (_: string, __: number, ___: object, call: { ifMatch?: number }) => {
    asked.push(call.ifMatch);
    if (call.ifMatch === undefined) throw new ApiError(problem as never);
    return { version: 9 };
  };
  const disputes = new Disputes({ contexts: { resolve }, lease: leaseOf(1) } as never);
  await expect(disputes.resolve(1, { value: 'mine' })).rejects.toThrow('/a is "newer". To keep that, choose current.');
  expect(await disputes.resolve(1, { value: 'mine' })).toContain('is decided');
  expect(asked).toEqual([undefined, 8]);
});

it('what is decided after a merge whose answer was lost does not become a removal of what was merged', async () => {
  const { kept, contexts } = ownContext();
  const merge = async () => {
    throw new ConnectionError('the answer was lost');
  };
  const disputes = new Disputes({ contexts: { ...contexts, merge }, lease: leaseOf(1) } as never);
  await disputes.keep('/a', 'refused');
  await expect(disputes.merge('manual')).rejects.toThrow('lost');
  await disputes.decided('/a', 'decided');
  expect([...kept]).toEqual([['/a', 'decided']]);
});

it('a write is a repeat of one before only if that was not answered', async () => {
  const keys: string[] = [];
  let isLost = true;
  const putKey = async (_: string, path: string, __: unknown, { idempotencyKey }: { idempotencyKey: string }) => {
    keys.push(idempotencyKey);
    if (isLost) throw new ConnectionError('the connection was lost');
    return { version: 5, path };
  };
  const { tools } = toolsOf({ putKey });
  await expect(tools.set('a', 1, {})).rejects.toThrow('lost');
  isLost = false;
  await tools.set('a', 1, {});
  await tools.set('a', 1, {});
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[1]);
});

it('what a nearer context hides does not count as seen, and what it lacks does', async () => {
  const effective = async () => ({
    data: { a: 'of the session', g: 'of the workspace' },
    layers: [
      { scope: 'session', name: 'main', version: 5, context_id: 's' },
      { scope: 'global', name: 'main', version: 7, context_id: 'g' },
    ],
    origins: [
      { path: '/a', context_id: 's' },
      { path: '/g', context_id: 'g' },
    ],
  });
  const { tools, seen } = toolsOf({ effective });
  await tools.get('a', {});
  await tools.get('g', {});
  const seenAt = (address: string) => ['/a', '/g'].map((place) => seen.at(address, place));
  expect(seenAt('global')).toEqual([0, 7]);
  expect(seenAt(`session.${session_id}`)).toEqual([5, 5]);
});

describe('a claim that waits for another task', () => {
  const waiting = () => {
    const acquire = (_resource: string, _body: unknown, { signal }: { signal?: AbortSignal } = {}) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    const locks = new Proxy({}, { get: () => acquire });
    return new Claims({ locks, session_id, owner: 'me' } as never);
  };

  it('is not told to be held by a second call, and both hear that it was released', async () => {
    const claims = waiting();
    const both = Promise.allSettled([1, 2].map(() => claims.claim({ resource: 'port:1' }, 30)));
    await claims.release({ resource: 'port:1' });
    for (const outcome of await both) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { message: expect.stringContaining('released before') },
      });
    }
  });
});
