import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { textOf } from '../../cli/demo/conversation.ts';
import { scriptedModelConfig, startScriptedModel } from '../../cli/demo/scripted-model.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { sharedFleet } from '../journeys/support/shared-fleet.ts';
import { eventually } from '../support/eventually.ts';

const fleet = sharedFleet();
afterAll(() => fleet.removeAgents());

const ended = (id: string): Promise<SessionView> =>
  eventually(async () => {
    const session = await fleet.client.sessions.get(id, ['tasks']);
    if (session.ended_at === null) throw new Error(`not yet: ${JSON.stringify(session.tasks)}`);
    return session;
  }, 240_000);

it('the parts of a CRUD are done by four agents at the same time, each in its own clone, and tested on what all have made', async () => {
  const labels = ['team=crud'];
  const agents = ['ONE', 'TWO', 'THREE', 'FOUR'].map((name) =>
    fleet.agent(`AGENT-CRUD-${name}`, { labels, capacity: 1 }),
  );
  await Promise.all(agents.map((agent) => agent.start()));
  const together = join(fleet.path, 'together');
  mkdirSync(together);
  const { id } = await fleet.client.sessions.create({
    title: 'CRUD of orders',
    initial_prompt: [
      // No part goes on before four of them have begun.
      `run touch ${together}/$(basename "$PWD"); until [ $(ls ${together} | wc -l) -ge 4 ]; do sleep 0.2; done`,
      `run ls made-*.txt 2>/dev/null | wc -l > seen.log; cat seen.log; rm seen.log; echo made > made-$(basename "$PWD").txt`,
    ].join('\n'),
    plan: 'template',
    required_labels: labels,
  });
  await fleet.client.sessions.act(id, 'start');
  const session = await ended(id);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  const [, ...parts] = session.tasks!.filter(({ kind }) => kind === 'work');
  expect(parts.map(({ title }) => title)).toEqual(
    ['Create', 'Read', 'Update', 'Delete', 'Tests'].map((title) => `${title}: CRUD of orders`),
  );
  expect(new Set(parts.slice(0, 4).map(({ agent_id }) => agent_id)).size).toBe(4);
  const { items } = await fleet.client.sessions.events(id, { limit: 500 });
  const outputs = items.flatMap((event) =>
    event.type === 'tool' && event.data.output ? [[event.task, event.data.output]] : [],
  );
  expect(outputs).toContainEqual([6, '4\n']);
  const patch = new TextDecoder().decode(await fleet.client.sessions.patch(id));
  for (const part of parts) expect(patch).toContain(`made-${part.id}`);
});

it('an agent plans a session; its first plan is sent back with what is wrong, and the second one is done', async () => {
  const task = (name: string, more: object) => ({
    name,
    title: `Make ${name}`,
    description: `write ${name}.txt: made`,
    ...more,
  });
  const tasks = [task('first', { paths: ['first.txt'] }), task('second', { depends_on: ['first'] })];
  const wrong = [tasks[0], { ...tasks[1], depends_on: ['nobody'] }];
  const told: string[] = [];
  // The agent's model answers with what a prompt says, so the corrected plan is added to the prompt that asks for it.
  await using parts = new AsyncDisposableStack();
  const model = await startScriptedModel(0, ({ messages = [] }) => {
    for (const message of messages.filter(({ role }) => role === 'user')) {
      const text = textOf(message);
      if (!text.includes('The plan cannot be used')) continue;
      told.push(text);
      message.content = `${text}\nsay ${JSON.stringify({ tasks })}`;
    }
    return false;
  });
  parts.defer(model.close);
  const configFile = join(fleet.path, 'planner.json');
  writeFileSync(configFile, JSON.stringify(scriptedModelConfig(model.url)));
  const labels = ['team=planning'];
  await fleet.agent('AGENT-PLANNER', { labels, configFile }).start();
  const { id } = await fleet.client.sessions.create({
    title: 'A planned session',
    initial_prompt: `run echo not kept > planned.txt\nsay ${JSON.stringify({ tasks: wrong })}`,
    plan: 'agent',
    required_labels: labels,
  });
  await fleet.client.sessions.act(id, 'start');
  const session = await ended(id);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  expect(told.join()).toContain('there is no part “nobody”');
  const whole = await fleet.client.tasks.get(session.tasks![0]!.id, { include_subtasks: 'true' });
  expect(whole.decomposition).toMatchObject({ state: 'applied', strategy: 'agent', attempt: 2, reason: null });
  expect(whole.subtasks!.map(({ title, status }) => [title, status])).toEqual([
    ['Make first', 'completed'],
    ['Make second', 'completed'],
  ]);
  const { items } = await fleet.client.sessions.events(id, { limit: 500 });
  const steps = items.flatMap((event) =>
    event.type === 'task.decomposition' ? [[event.data.state, event.data.attempt]] : [],
  );
  expect(steps).toEqual([
    ['planning', 1],
    ['planning', 2],
    ['applied', 2],
  ]);
  const patch = new TextDecoder().decode(await fleet.client.sessions.patch(id));
  expect(patch).toContain('first.txt');
  expect(patch).toContain('second.txt');
  expect(patch).not.toContain('planned.txt');
});
