import { afterAll, beforeAll, expect } from 'vitest';
import { axeViolations } from './support/axe.ts';
import { dashboardTests } from './support/dashboard.ts';
import { DemoStack } from './support/demo-stack.ts';

let stack: DemoStack;
beforeAll(async () => {
  stack = await DemoStack.start();
});
afterAll(() => stack?.stop());

const it = dashboardTests(() => stack);

it('the tasks of a session are shown with their order, and a failed one is retried with those that it held up', async ({
  page,
  dashboard,
}) => {
  const { client } = stack;
  const { id } = await client.sessions.create({ title: 'A house', initial_prompt: 'Build it.', max_attempts: 1 });
  await client.tasks.createGraph(id, {
    tasks: [
      { name: 'garden', title: 'Plant the garden', description: 'write garden.txt: green' },
      { name: 'ground', title: 'Lay the ground', description: 'fail 400' },
      { title: 'Build the walls', description: 'write walls.txt: high', depends_on: ['ground'] },
    ],
  });
  await dashboard.signIn();
  await page.getByRole('link', { name: 'A house' }).click();
  await page.getByRole('tab', { name: 'Tasks' }).click();
  const walls = dashboard.task('Build the walls');
  await walls.getByText('After “Lay the ground”.').waitFor();
  await client.sessions.act(id, 'start');
  await walls.getByText('Not done, because of “Lay the ground”').waitFor();
  await dashboard.task('Plant the garden').locator('[data-task-status="completed"]').waitFor();
  await page.getByText('4 of 4 tasks have ended.').waitFor();
  await dashboard.task('Lay the ground').getByText('400').waitFor();
  await dashboard.button('Retry: Lay the ground').click();
  await expect
    .poll(async () =>
      (await client.sessions.get(id, ['tasks'])).tasks!.map(({ status, epoch }) => `${status} ${epoch}`),
    )
    .toEqual(['failed 1', 'completed 1', 'failed 2', 'skipped 3']);
});

it('a task is cancelled after a confirmation, and a gate is approved from the task that waits', async ({
  page,
  dashboard,
}) => {
  const { client } = stack;
  const { id } = await client.sessions.create({ title: 'A gate', initial_prompt: 'Open it.' });
  await client.tasks.createGraph(id, {
    tasks: [
      { title: 'Publish it', description: 'write gate.txt: open', requires_approval: true },
      { title: 'Destroy it', description: 'write gone.txt: gone', requires_approval: true },
    ],
  });
  await dashboard.signIn();
  await page.getByRole('link', { name: 'A gate' }).click();
  await page.getByRole('tab', { name: 'Tasks' }).click();
  await client.sessions.act(id, 'start');
  await dashboard.button('Cancel: Destroy it').click();
  await dashboard.button('End it: Destroy it').click();
  await dashboard.task('Destroy it').locator('[data-task-status="cancelled"]').waitFor();
  await page.getByRole('status').getByText('The session waits until somebody answers what it asks.').waitFor();
  expect(await page.getByText('Waiting for an agent').count()).toBe(0);
  await dashboard.button('Approve: Publish it').click();
  await page.getByLabel('Answered').getByText('approved', { exact: true }).waitFor();
  await dashboard.task('Publish it').locator('[data-task-status="completed"]').waitFor();
});

it('checks, a conflict that a person decides and the delivery of a graph are shown, each task by its title', async ({
  page,
  dashboard,
}) => {
  const { client } = stack;
  const checks = [{ command: 'test -f one.txt' }];
  const { id } = await client.sessions.create({ title: 'Two hands', initial_prompt: 'Write.', checks });
  await client.tasks.createGraph(id, {
    tasks: [
      { name: 'one', title: 'Write one', description: 'write one.txt: 1\nwrite both.txt: first', checks },
      { name: 'two', title: 'Write two', description: 'write both.txt: second' },
      { title: 'Join them', description: 'run cp both.txt joined.txt', depends_on: ['one', 'two'] },
    ],
  });
  await dashboard.signIn();
  await page.getByRole('link', { name: 'Two hands' }).click();
  await page.getByRole('tab', { name: 'Tasks' }).click();
  await client.sessions.act(id, 'start');
  await dashboard.task('Write one').getByText('test -f one.txt passed').waitFor();
  const conflict = page.locator('[data-approval="conflict"]');
  await conflict.getByText('The version of “Write two”.').waitFor();
  expect(await axeViolations(page)).toEqual([]);
  expect(await conflict.getByRole('textbox').count()).toBe(0);
  await conflict.getByLabel('The version of “Write two”.').check();
  await conflict.getByRole('button', { name: 'Answer' }).click();
  await dashboard.hasStatus('completed');
  await dashboard.task('Join them').getByText('After “Write one”, “Write two”').waitFor();
  await dashboard.task('Resolve the conflict').getByText('resolves a conflict').waitFor();
  await page.getByLabel('About the session').getByText('AGENT-LOCAL').first().waitFor();
  await page.getByLabel('New branch').fill('oio/two-hands');
  await dashboard.button('Deliver').click();
  await page.getByRole('region', { name: 'Delivery' }).getByText('Delivered').waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 800 });
  await page.getByRole('tab', { name: 'Transcript' }).click();
  expect(await page.evaluate(`document.documentElement.scrollWidth`)).toBe(390);
  const { tasks = [] } = await client.sessions.get(id, ['tasks']);
  expect(tasks.filter(({ status }) => status !== 'completed')).toEqual([]);
  await page.evaluate(`window.scrollTo(0, 0)`);
  await page.getByText('Task 2 · Write one').first().waitFor();
});
