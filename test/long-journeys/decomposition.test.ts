import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { textOf } from '../../cli/demo/conversation.ts';
import { scriptedModelConfig, startScriptedModel } from '../../cli/demo/scripted-model.ts';
import { sharedFleet } from '../journeys/support/shared-fleet.ts';
import { whenEnded } from '../system/support/session-of-tasks.ts';

const fleet = sharedFleet();
afterAll(() => fleet.removeAgents());

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
  const session = await whenEnded(fleet.client, id);
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
