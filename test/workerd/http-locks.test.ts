import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { agentRegistryName } from '../../src/adapters/objects/names.ts';
import type { Role } from '../../src/protocol/common/enums.ts';
import type { HeldLock, LockPlace, LockView } from '../../src/protocol/lock/lock.ts';
import { eventually } from '../support/eventually.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

/** The locks of a new workspace over HTTP, as one token uses them. */
async function locksOf({ workspace = newWorkspace(), role = 'operator' as Role } = {}) {
  const token = await signToken(role, workspace);
  const at = (resource: string) => `/api/v1/locks/${encodeURIComponent(resource)}`;
  const post = (resource: string, what: string, body: object, as = token) =>
    ask(`${at(resource)}/${what}`, { token: as, body });
  const read = async (resource: string) => (await (await ask(at(resource), { token })).json()) as LockView;
  return {
    workspace,
    post,
    read,
    acquire: (owner: string, more: object = {}, as = token) => post('deploy:web', 'acquire', { owner, ...more }, as),
    /** Resolves when the lock has these waiters. */
    waiting: (owners: string[]) => eventually(async () => expect((await read('deploy:web')).waiters).toEqual(owners)),
  };
}

async function grantIn(response: Response): Promise<HeldLock> {
  expect(response.status).toBe(200);
  return (await response.json()) as HeldLock;
}

/** Expects an answer that says that it is the caller's turn. */
async function turnIn(response: Response): Promise<void> {
  expect([response.status, await response.json()]).toMatchObject([202, { place: 1 }]);
}

it('a lock is acquired, renewed, read and released, and a stale fencing token is refused', async () => {
  const { acquire, post, read } = await locksOf();
  const held = await grantIn(await acquire('a', { ttl_seconds: 60 }));
  expect(await grantIn(await post('deploy:web', 'renew', { fencing_token: held.fencing_token }))).toMatchObject({
    fencing_token: held.fencing_token,
    ttl_seconds: 60,
  });
  expect(await read('deploy:web')).toMatchObject({ holder: { owner: 'a' }, waiters: [] });
  const refused = await acquire('b');
  expect([refused.status, await refused.json()]).toMatchObject([409, { code: 'lock_held', current: { holder: {} } }]);
  const { fencing_token } = held;
  expect((await post('deploy:web', 'release', { fencing_token })).status).toBe(204);
  const next = await grantIn(await acquire('b'));
  expect(next.fencing_token).toBeGreaterThan(fencing_token);
  for (const what of ['renew', 'release']) {
    const stale = await post('deploy:web', what, { fencing_token });
    expect([stale.status, await stale.json()]).toMatchObject([409, { code: 'lock_lost' }]);
  }
});

it('a request waits until its turn comes, and the next one gets the lock', async () => {
  const { acquire, post, waiting } = await locksOf();
  const { fencing_token } = await grantIn(await acquire('a'));
  const second = acquire('b', { wait_seconds: 25 });
  await waiting(['b']);
  const third = acquire('c', { wait_seconds: 25 });
  await waiting(['b', 'c']);
  await post('deploy:web', 'release', { fencing_token });
  await turnIn(await second);
  expect((await acquire('d')).status, 'it is the turn of b').toBe(409);
  const granted = await grantIn(await acquire('b', { wait_seconds: 25 }));
  await post('deploy:web', 'release', { fencing_token: granted.fencing_token });
  await turnIn(await third);
  expect(await grantIn(await acquire('c'))).toMatchObject({ owner: 'c' });
});

it('a request waits while the object sleeps', async () => {
  const { acquire, post, waiting, workspace } = await locksOf();
  const { fencing_token } = await grantIn(await acquire('a'));
  const second = acquire('b', { wait_seconds: 25 });
  await waiting(['b']);
  await evictDurableObject(env.AGENT_REGISTRY.getByName(agentRegistryName(workspace)));
  await post('deploy:web', 'release', { fencing_token });
  await turnIn(await second);
});

it('a wait that ends answers with the place, which the next request keeps', async () => {
  const { acquire } = await locksOf();
  await acquire('a');
  for (let time = 0; time < 2; time++) {
    for (const [index, owner] of ['b', 'c'].entries()) {
      const response = await acquire(owner, { wait_seconds: 1 });
      expect(response.status).toBe(202);
      expect((await response.json()) as LockPlace).toMatchObject({ resource: 'deploy:web', owner, place: index + 1 });
    }
  }
});

it('agents use locks, viewers only read them, and each workspace has its own', async () => {
  const agent = await locksOf({ role: 'agent' });
  await grantIn(await agent.acquire('a'));
  const viewer = await locksOf({ workspace: agent.workspace, role: 'viewer' });
  expect(await viewer.read('deploy:web')).toMatchObject({ holder: { owner: 'a' } });
  expect((await viewer.acquire('b')).status).toBe(403);
  const elsewhere = await locksOf();
  expect(await elsewhere.read('deploy:web')).toMatchObject({ holder: null });
  await grantIn(await elsewhere.acquire('b'));
});

it.each(['a/b', '..', 'a b', 'ä', '-x', 'x'.repeat(201)])('%s is no name of a lock', async (resource) => {
  const { post } = await locksOf();
  const { status } = await post(resource, 'acquire', { owner: 'a' });
  expect([404, 422]).toContain(status);
});

it.each([
  { owner: '' },
  { owner: 'x'.repeat(101) },
  { owner: 'a\nb' },
  { owner: 'a', ttl_seconds: 0 },
  { owner: 'a', ttl_seconds: 3_601 },
  { owner: 'a', wait_seconds: 26 },
])('%o is no request for a lock', async (body) => {
  const { post } = await locksOf();
  expect((await post('x', 'acquire', body)).status).toBe(422);
});
