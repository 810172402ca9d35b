import { expect, it } from 'vitest';
import type { RegisteredAgent } from '../../src/protocol/agent/agent.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

const AGENT = { name: 'AGENT-X', agent_type: 'implementer', capabilities: [], secret: 's'.repeat(32) };

async function register(admin: string): Promise<RegisteredAgent> {
  return (await ask('/api/v1/agents', { token: admin, body: AGENT })).json();
}

/** The statuses of requests that the token of any agent may make. */
async function statusesWith(token: string, id: string): Promise<number[]> {
  const answers = [
    await ask(`/api/v1/agents/${id}`, { token }),
    await ask('/api/v1/locks/deploy/acquire', { token, body: { owner: 'me' } }),
    await ask('/api/v1/tickets', { token, body: { path: `/ws/agents/${id}/control` } }),
  ];
  return answers.map(({ status }) => status);
}

it('an agent’s own token ends when the agent is removed', async () => {
  const admin = await signToken('admin', newWorkspace());
  const { id, token } = await register(admin);
  const gone = await ask(`/api/v1/agents/${id}`, { token: admin, method: 'DELETE', body: { force: true } });
  expect(gone.status).toBe(204);
  expect(await statusesWith(token, id)).toEqual([401, 401, 401]);
});

it('an agent’s own token ends when the agent registers again with its secret, and the new one counts', async () => {
  const admin = await signToken('admin', newWorkspace());
  const { id, token } = await register(admin);
  const again = await register(admin);
  expect(again.id).toBe(id);
  expect(await statusesWith(token, id)).toEqual([401, 401, 401]);
  expect(await statusesWith(again.token, id)).toEqual([200, 200, 201]);
});
