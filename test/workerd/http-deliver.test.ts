import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/protocol/common/errors.ts';
import type { BranchDelivery } from '../../src/protocol/session/deliver.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

async function place(deliver?: object) {
  const token = await signToken('operator', newWorkspace());
  const body = { title: 'Add a --flag', initial_prompt: 'Do it', ...(deliver && { deliver }) };
  const created = await ask('/api/v1/sessions', { token, body });
  const session = (await created.json()) as SessionView;
  const read = async () => (await (await ask(`/api/v1/sessions/${session.id}`, { token })).json()) as SessionView;
  const deliverWork = (body: object) => ask(`/api/v1/sessions/${session.id}/deliver`, { token, body });
  return { created, session, read, deliverWork, token };
}

describe('a delivery over HTTP', () => {
  it('is a part of the session that is created with it', async () => {
    const { created, session } = await place({ push: true });
    expect(created.status).toBe(201);
    expect(session).toMatchObject({
      deliver: { push: true },
      delivery: {
        state: 'waiting',
        branch: `oio/add-a-flag-${session.id.slice(0, 8)}`,
        remote: 'origin',
        commit: null,
      },
    });
  });

  it('is asked for later, and the same request again has the same answer', async () => {
    const { session, read, deliverWork } = await place();
    expect(session.delivery).toBeNull();
    const [first, second] = [await deliverWork({ branch: 'mine' }), await deliverWork({ branch: 'mine' })];
    expect([first.status, second.status]).toEqual([200, 200]);
    const delivery = (await first.json()) as BranchDelivery;
    expect(await second.json()).toEqual(delivery);
    expect(await read()).toMatchObject({ delivery, deliver: { branch: 'mine', push: false } });
  });

  it.each([
    [{ branch: 'a..b' }, 'branch'],
    [{ branch: '-f' }, 'branch'],
    [{ branch: 'refs heads' }, 'branch'],
    [{ branch: 'a.lock' }, 'branch'],
    [{ branch: 'HEAD' }, 'branch'],
    [{ remote: 'origin' }, 'remote'],
    [{ push: true, remote: '--upload-pack=x' }, 'remote'],
    [{ push: true, remote: 'https://example.com/web' }, 'remote'],
    [{ message: 'a\u0000b' }, 'message'],
    [{ message: ' ' }, 'message'],
    [{ force: true }, 'force'],
  ])('%j is refused with its member, and nothing changes', async (body, path) => {
    const { session, read, deliverWork } = await place();
    const refused = await deliverWork(body);
    expect(refused.status).toBe(422);
    expect(((await refused.json()) as Problem).errors?.map((error) => error.path)).toEqual([path]);
    expect(await read()).toEqual(session);
  });

  it('is refused for a session that has ended without work', async () => {
    const { session, token, deliverWork } = await place();
    await ask(`/api/v1/sessions/${session.id}/cancel`, { token, method: 'POST' });
    const refused = await deliverWork({});
    expect([refused.status, await refused.json()]).toEqual([409, expect.objectContaining({ code: 'not_deliverable' })]);
  });
});
