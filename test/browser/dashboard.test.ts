import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { Gate } from '../system/support/tools.ts';
import { dashboardTests } from './support/dashboard.ts';
import { DemoStack } from './support/demo-stack.ts';

let stack: DemoStack;
beforeAll(async () => {
  stack = await DemoStack.start();
});
afterAll(() => stack?.stop());

const it = dashboardTests(() => stack);

it('a sign-in link that is opened in the same tab signs in, and a used link does not sign out', async ({
  page,
  dashboard,
}) => {
  const address = await dashboard.signInAddress();
  await page.goto(stack.url);
  await page.getByLabel('Token').waitFor();
  await page.goto(address);
  await dashboard.showsSessions();
  expect(page.url()).toBe(`${stack.url}/`);
  await page.goto(address);
  await expect.poll(() => page.url()).toBe(`${stack.url}/`);
  await dashboard.showsSessions();
});

it('the sign-in form rejects an unknown token, and signing out deletes a valid one', async ({ page, dashboard }) => {
  await page.goto(stack.url);
  await page.getByLabel('Token').fill('not-a-token-of-this-control-plane');
  await dashboard.button('Sign in').click();
  await page.getByRole('alert').getByText('does not accept this token').waitFor();

  const { token } = await stack.client.tokens.create({ name: 'browser', role: 'operator' });
  await page.getByLabel('Token').fill(token);
  await dashboard.button('Sign in').click();
  await dashboard.showsSessions();
  await dashboard.button('Sign out').click();
  await page.getByLabel('Token').waitFor();
  expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0);
});

it('text appears while the model streams it', async ({ dashboard }) => {
  await dashboard.openSession('Speak slowly', 'slow 20 200\nsay The end.');
  const lengths = await dashboard.growthOf(dashboard.transcript().locator('[data-kind="text"]'), 'The end.');
  // Nothing, something, everything.
  expect(lengths.length).toBeGreaterThan(2);
});

it('a page keeps its content while the control plane is down, and catches up without a gap or a duplicate', async ({
  page,
  dashboard,
}) => {
  const id = await dashboard.openSession(
    'Survive a restart',
    'say Before.\nrun echo one\nslow 18 500\nrun echo two\nsay After.',
  );
  await dashboard.said('Before.').waitFor();
  await dashboard.isLive();
  await stack.killControlPlane();
  await page.locator('[data-connection="connecting"], [data-connection="waiting"]').first().waitFor();
  await dashboard.said('Before.').waitFor();
  await dashboard.isLive();
  await dashboard.hasStatus('completed');
  const log = await stack.client.sessions.events(id, { limit: 500 });
  const toolCalls = new Set(log.items.flatMap((event) => (event.type === 'tool' ? [event.data.call_id] : [])));
  await expect.poll(() => dashboard.transcript().locator('[data-tool]').count()).toBe(toolCalls.size);
  await dashboard.said('After.').waitFor();
});

it('a chosen option answers the agent’s question', async ({ page, dashboard }) => {
  await dashboard.openSession('Ask me', 'question Which colour? red | blue', { question: 'allow' });
  const question = page.locator('[data-approval="question"]');
  await question.getByText('Which colour?').first().waitFor();
  expect(await dashboard.button('Answer').isDisabled()).toBe(true);
  await question.getByRole('radio', { name: 'blue' }).check();
  await dashboard.button('Answer').click();
  await dashboard.hasStatus('completed');
  expect(await page.getByRole('region', { name: 'Answered' }).textContent()).toContain('blue');
});

it('a rejection passes its message to the agent', async ({ page, dashboard }) => {
  await dashboard.openSession('Be refused', 'write secret.txt: no', { edit: 'ask' });
  const permission = page.locator('[data-approval="permission"]');
  await permission.getByLabel('Or reject with a message').fill('Leave that file alone.');
  await dashboard.button('Reject').click();
  await page.getByRole('region', { name: 'Answered' }).getByText('rejected').waitFor();
  await dashboard.toolCall('write', 'Leave that file alone.').waitFor();
});

it('sends a message into the work', async ({ page, dashboard }) => {
  const held = new Gate(join(stack.path, 'gate'));
  await dashboard.openSession('Take a message', `${held.directive}\nrun echo first`);
  await dashboard.hasStatus('running');
  await page.getByLabel('Delivery').selectOption('follow_up');
  await page.getByLabel('Message to the agent').fill('run echo asked-for-later');
  await dashboard.button('Send').click();
  await dashboard.transcript().locator('[data-kind="prompt"]').getByText('run echo asked-for-later').waitFor();
  held.open();
  await dashboard.hasStatus('completed');
  await dashboard.toolCall('bash', '$ echo asked-for-later').waitFor();
});

it('downloads the bytes of a patch, including those that are not UTF-8', async ({ page, dashboard }) => {
  const id = await dashboard.openSession('Write Latin-1', "run printf 'caf\\351' > latin.txt");
  await dashboard.hasStatus('completed');
  await page.getByRole('tab', { name: 'Changes' }).click();
  const downloading = page.waitForEvent('download');
  await dashboard.button('Download the patch').click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe(`${id}.patch`);
  const bytes = readFileSync(await download.path());
  expect(bytes.includes(Buffer.from('+caf\xe9', 'latin1'))).toBe(true);
  expect(bytes.equals(await stack.client.sessions.patch(id))).toBe(true);
});

it('the form passes on a model and labels', async ({ page, dashboard }) => {
  await dashboard.signIn();
  await dashboard.button('New session').click();
  await page.getByLabel('Title').fill('With a model');
  await page.getByLabel('Prompt').fill('say hi');
  await page.getByText('Model, branch, labels, tags').click();
  await page.getByLabel('Model').fill('one/two');
  await page.getByLabel('Agent labels').fill('zone=a, zone=b');
  await page.getByLabel('Run now').uncheck();
  await dashboard.button('Create').click();
  await page.getByRole('heading', { name: 'With a model' }).waitFor();
  const session = await stack.client.sessions.get(page.url().split('/').at(-1)!);
  expect(session.agent_config).toEqual({ model: 'one/two' });
  expect(session.required_labels).toEqual(['zone=a', 'zone=b']);
});

it('the form shows why a session cannot be created', async ({ page, dashboard }) => {
  await dashboard.signIn();
  await dashboard.button('New session').click();
  await page.getByLabel('Title').fill('   x   ');
  await page.getByLabel('Prompt').fill('say hi');
  await dashboard.button('Create and run').click();
  await page.getByRole('alert').getByText('title').first().waitFor();
});

it('the page of a missing session says so, and a deletion needs a confirmation', async ({ page, dashboard }) => {
  const { id } = await stack.client.sessions.create({ title: 'To be deleted', initial_prompt: 'say hi' });
  await dashboard.signIn();
  await page.goto(`${stack.url}/sessions/${id}`);
  await dashboard.button('Delete the session').click();
  await dashboard.button('Delete').click();
  await dashboard.showsSessions();
  await page.goto(`${stack.url}/sessions/${id}`);
  await page.getByRole('alert').getByText('There is no such').first().waitFor();
});

it('every page fits the width of a phone', async ({ page, dashboard }) => {
  await dashboard.openSession(
    'Fit a phone',
    'run echo a-word-that-is-as-long-as-a-line-on-a-phone-can-be-or-even-a-bit-longer\nsay Done.',
  );
  await dashboard.hasStatus('completed');
  await page.setViewportSize({ width: 360, height: 740 });
  for (const where of ['session', 'list']) {
    if (where === 'list') await page.getByRole('link', { name: 'All sessions' }).click();
    await page
      .getByRole('link', { name: 'Fit a phone' })
      .or(page.getByRole('heading', { name: 'Fit a phone' }))
      .waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  }
});
