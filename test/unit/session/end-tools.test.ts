import { expect, it } from 'vitest';
import { failureOf, SessionInProcess, unwrap } from './harness.ts';

it('asks the agent to end each named command, once until it has answered', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  for (const call_id of ['call_1', 'call_2', 'call_1']) await session.runtime.endTools(session.call(), { call_id });
  expect(agent.commandsOf('end_tools')).toEqual([{ call_id: 'call_1' }, { call_id: 'call_2' }]);
});

it('asks an agent that reconnects to end a named command, but not all that run by then', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  await session.runtime.endTools(session.call(), {});
  await session.runtime.endTools(session.call(), { call_id: 'call_1' });
  session.restart(10);
  agent.connect();
  expect(agent.commandsOf('end_tools')).toEqual([{ call_id: 'call_1' }]);
});

it('refuses to end all commands of an agent that is not connected, because the request would reach later ones', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  session.restart(10);
  expect(failureOf(await session.runtime.endTools(session.call(), {}))).toMatchObject({
    code: 'no_running_agent',
    detail: expect.stringContaining('not connected'),
  });
  agent.connect();
  expect(unwrap(await session.runtime.endTools(session.call(), {}))).toEqual({ requested: true });
  expect(agent.commandsOf('end_tools')).toEqual([{}]);
});
