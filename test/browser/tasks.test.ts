import { afterAll, beforeAll, expect } from 'vitest';
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
  const task = (title: string) =>
    page.getByRole('list', { name: 'Tasks' }).getByRole('listitem').filter({ hasText: title });
  const walls = task('Build the walls');
  await walls.getByText('Waits for “Lay the ground”').waitFor();
  await client.sessions.act(id, 'start');
  await walls.getByText('Not done, because of “Lay the ground”').waitFor();
  await task('Plant the garden').locator('[data-task-status="completed"]').waitFor();
  await page.getByText('3 of 3 tasks have ended.').waitFor();
  await dashboard.button('Retry Lay the ground').click();
  await expect
    .poll(async () =>
      (await client.sessions.get(id, ['tasks'])).tasks!.map(({ status, epoch }) => `${status} ${epoch}`),
    )
    .toEqual(['failed 1', 'completed 1', 'failed 2', 'skipped 3']);
});
