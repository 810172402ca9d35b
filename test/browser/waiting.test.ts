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

it('a session that waits for a person is seen from the list, from another page and from a background tab', async ({
  page,
  dashboard,
  newContext,
}) => {
  const { id: other } = await stack.client.sessions.create({ title: 'Another page', initial_prompt: 'say hi' });
  await dashboard.signIn();
  await page.goto(`${stack.url}/sessions/${other}`);
  const heading = page.getByRole('heading', { name: 'Another page' });
  const place = await heading.boundingBox();
  const background = await newContext();
  const tab = await background.newPage();
  await tab.goto(await dashboard.signInAddress());
  await tab.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  // A tab in the background gets no animation frames.
  await tab.addInitScript(() => {
    globalThis.requestAnimationFrame = () => 0;
  });
  await tab.reload();

  const { id } = await stack.client.sessions.create({
    title: 'Needs an answer',
    initial_prompt: 'run echo hi',
    agent_config: { permissions: { bash: 'ask' } },
  });
  await stack.client.sessions.act(id, 'start');

  await page.getByRole('status').getByText('1 session waits for your answer: Needs an answer').waitFor();
  await page.getByRole('navigation', { name: 'Waiting for you' }).waitFor();
  expect(await heading.boundingBox()).toEqual(place);
  await expect.poll(() => tab.title()).toMatch(/^\(1\) /);
  await expect.poll(() => page.locator('link[rel="icon"]').getAttribute('href')).toBe('/icon-waiting.svg');
  expect(await axeViolations(page)).toEqual([]);

  await page
    .getByRole('navigation', { name: 'Waiting for you' })
    .getByRole('link', { name: 'Needs an answer' })
    .click();
  await page.getByRole('button', { name: 'Allow once' }).waitFor();
  expect(await axeViolations(page)).toEqual([]);

  await page.getByRole('link', { name: 'All sessions' }).click();
  await page.getByLabel('Order').selectOption('Waiting first');
  await page.getByRole('row').nth(1).getByText('Waits for you').waitFor();
  await page.getByRole('button', { name: /^Waiting for you/ }).click();
  await expect.poll(() => page.getByRole('row').count()).toBe(2);
  expect(await axeViolations(page)).toEqual([]);

  await page.getByRole('link', { name: 'Needs an answer' }).last().click();
  await page.getByRole('button', { name: 'Allow once' }).click();
  await dashboard.hasStatus('completed');
  await expect.poll(() => page.title()).not.toMatch(/^\(/);
});

it('a new tab is signed in, and signing out of one signs out of all', async ({ page, dashboard }) => {
  await dashboard.signIn();
  const tab = await page.context().newPage();
  await tab.goto(stack.url);
  await tab.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  await tab.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
});

it('a viewer is offered nothing that a viewer may not do', async ({ page }) => {
  const { id } = await stack.client.sessions.create({
    title: 'For the eyes of a viewer',
    initial_prompt: 'run echo hi',
    agent_config: { permissions: { bash: 'ask' } },
  });
  await stack.client.sessions.act(id, 'start');
  const { code } = await stack.client.codes.create({ role: 'viewer' });
  await page.goto(`${stack.url}/sessions/${id}#code=${code}`);
  await page.getByText('Your role may not answer.').waitFor();
  const offered = await page.getByRole('button').allTextContents();
  expect(offered.filter((text) => !/light|dark|sign out|latest|bash|reasoning/i.test(text))).toEqual([]);
  expect(await page.getByRole('textbox').count()).toBe(0);
  await page.getByRole('link', { name: 'All sessions' }).click();
  await page.getByRole('link', { name: 'For the eyes of a viewer' }).first().waitFor();
  expect(await page.getByRole('button', { name: 'New session' }).count()).toBe(0);
  await stack.client.sessions.act(id, 'cancel');
});

it('the list shows nothing as a fact while the control plane does not answer', async ({ page, dashboard }) => {
  await dashboard.signIn();
  await page.getByText('Connected', { exact: true }).waitFor();
  const heading = page.getByRole('heading', { name: 'Sessions', level: 1 });
  const place = await heading.boundingBox();
  await page.route('**/api/**', (route) => route.abort());
  await page.getByRole('status').getByText('No answer from the control plane').waitFor();
  await page.getByText('Was connected', { exact: true }).waitFor();
  expect(await heading.boundingBox()).toEqual(place);
  expect(await page.getByText('Connected', { exact: true }).count()).toBe(0);
  await page.unroute('**/api/**');
  await page.getByText('Connected', { exact: true }).waitFor();
});

it('a link with members that no page knows shows the list', async ({ page, dashboard }) => {
  await dashboard.signIn();
  await page.goto(`${stack.url}/?utm_source=mail&foo=1`);
  await page.getByRole('table').waitFor();
});

it('the list keeps its box for every title and tag', async ({ page, dashboard }) => {
  const long = { title: 'x'.repeat(100), tags: ['y'.repeat(50)] };
  await stack.client.sessions.create({ ...long, initial_prompt: 'say hi' });
  await dashboard.signIn();
  await page.getByRole('link', { name: long.title }).waitFor();
  for (const width of [1440, 1024, 768, 360]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await page.evaluate('document.documentElement.scrollWidth'), `${width}`).toBeLessThanOrEqual(width);
  }
});

it('a draft survives Escape, a reload and the end of the session', async ({ page, dashboard }) => {
  await dashboard.signIn();
  await page.getByRole('button', { name: 'New session' }).click();
  await page.getByLabel('Prompt').fill('A thousand words');
  await page.keyboard.press('Escape');
  await page.reload();
  await page.getByRole('button', { name: 'New session' }).click();
  expect(await page.getByLabel('Prompt').inputValue()).toBe('A thousand words');
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.keyboard.press('Escape');

  const id = await dashboard.openSession('Ends while one writes', 'run sleep 300');
  await dashboard.hasStatus('running');
  await page.getByLabel('Message to the agent').fill('One more thing');
  await stack.client.sessions.act(id, 'cancel');
  await page.getByText('this message was not sent').waitFor();
  expect(await page.getByRole('textbox', { name: 'Message that was not sent' }).inputValue()).toBe('One more thing');
});

it('one running command can be ended, and the agent goes on', async ({ dashboard }) => {
  await dashboard.openSession('Hangs', 'run echo begun; sleep 300\nsay Went on.');
  await dashboard.toolCall('bash', 'begun').getByRole('button', { name: 'End this command' }).click();
  await dashboard.said('Went on.').waitFor();
  await dashboard.hasStatus('completed');
});

it('sign-in and unknown pages have a heading, and axe finds nothing in them', async ({ page, dashboard }) => {
  await page.goto(stack.url);
  await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await dashboard.signIn();
  await page.goto(`${stack.url}/nowhere/at/all`);
  await page.getByRole('heading', { name: 'Page not found', level: 1 }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
});
