import { expect } from 'vitest';
import { dashboardTests } from '../browser/support/dashboard.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();
const it = dashboardTests(() => ({ url: fleet.address.url, client: fleet.client }));

it('a sign-in code leaves the URL at once and works only once', async ({ newContext, page, dashboard }) => {
  const address = await dashboard.signInAddress();
  await page.goto(address);
  await dashboard.showsSessions();
  expect(page.url()).toBe(`${fleet.address.url}/`);

  const other = await (await newContext()).newPage();
  await other.goto(address);
  await other.getByRole('alert').getByText('was used before').waitFor();
  expect(other.url()).toBe(`${fleet.address.url}/`);
});

it('a user can create a session, follow its work, answer its question and see the diff', async ({
  page,
  dashboard,
}) => {
  await dashboard.signIn();
  await page.getByRole('heading', { name: 'Agents' }).waitFor();
  await dashboard.button('New session').click();
  await page.getByLabel('Title').fill('Greet from the browser');
  await page
    .getByLabel('Prompt')
    .fill(
      'think A greeting is wanted.\nslow 12 200\nwrite greeting.txt: hello from the browser\nsay Greeting written.',
    );
  await page.getByText('Model, branch, labels, tags').click();
  await page.getByLabel('Tags').fill('greeting, browser');
  await page.getByRole('radio', { name: 'Ask' }).check();
  await dashboard.button('Create and run').click();

  await page.getByRole('heading', { name: 'Greet from the browser' }).waitFor();
  await dashboard.isLive();
  const permission = page.locator('[data-approval="permission"]');
  await permission.getByText('greeting.txt').first().waitFor();
  await dashboard.hasStatus('running');
  await expect.poll(() => dashboard.transcript().locator('[data-kind="text"]').count()).toBeGreaterThan(0);
  await permission.getByRole('button', { name: 'Allow once' }).click();

  await dashboard.hasStatus('completed');
  await expect.poll(() => permission.count()).toBe(0);
  await dashboard.transcript().locator('[data-tool="write"][data-state="completed"]').waitFor();
  await dashboard.transcript().getByText('Reasoning').click();
  await dashboard.transcript().locator('[data-kind="reasoning"]').getByText('A greeting is wanted.').waitFor();
  await page.getByRole('tab', { name: 'Changes' }).click();
  const file = page.getByRole('region', { name: 'greeting.txt' });
  await file.getByText('+hello from the browser').waitFor();
  expect(await file.textContent()).toContain('+1');

  await page.getByRole('link', { name: 'All sessions' }).click();
  const row = page.getByRole('row', { name: 'Greet from the browser' });
  await row.locator('[data-status="completed"]').waitFor();
  expect(await row.textContent()).toContain('#greeting');
});

it('a user can rate the work of an ended session, and change the rating', async ({ page, dashboard }) => {
  await dashboard.openSession('Be rated', 'slow 4 250\nsay Done.');
  await dashboard.hasStatus('running');
  const rating = page.getByRole('region', { name: 'Rating' });
  expect(await rating.count()).toBe(0);
  await dashboard.hasStatus('completed');
  await rating.getByText('How good is the work of').waitFor();
  await rating.getByLabel('Quality').selectOption('90%');
  await rating.getByLabel('Comment').fill('Works, but has no test.');
  await rating.getByRole('button', { name: 'Rate' }).click();
  await rating.getByText('Works, but has no test.').waitFor();
  await rating.getByText('90%').first().waitFor();
  await dashboard.transcript().locator('[data-kind="rating"]').getByText('Works, but has no test.').waitFor();
  await rating.getByLabel('Quality').selectOption('40%');
  await rating.getByRole('button', { name: 'Rate again' }).click();
  await expect.poll(() => dashboard.transcript().locator('[data-kind="rating"]').count()).toBe(2);
  await rating.locator('strong').getByText('40%').waitFor();
});

it('a reloaded page continues with the session’s current state', async ({ page, dashboard }) => {
  await dashboard.openSession('Survive a reload', 'say First words.\nrun echo half-way\nslow 15 250\nsay Last words.');
  await dashboard.toolCall('bash', 'half-way').waitFor();
  await page.reload();
  await dashboard.said('First words.').waitFor();
  await dashboard.isLive();
  await dashboard.hasStatus('completed');
  await dashboard.said('Last words.').waitFor();
  await expect.poll(() => dashboard.transcript().locator('[data-tool="bash"]').count()).toBe(1);
});

it('offers the legal actions alone: pauses, resumes, and cancels after a second thought', async ({
  page,
  dashboard,
}) => {
  await dashboard.openSession('Be told what to do', `${'slow 6 250\nrun echo step\n'.repeat(6)}run sleep 300`);
  await dashboard.hasStatus('running');
  await expect.poll(() => dashboard.button('Start').count()).toBe(0);
  await dashboard.button('Pause').click();
  await dashboard.hasStatus('paused');
  await expect.poll(() => dashboard.button('Pause').count()).toBe(0);
  await dashboard.button('Resume').click();
  await dashboard.hasStatus('running');
  await dashboard.button('Cancel').click();
  await dashboard.button('Back').click();
  expect(await dashboard.headerStatus().getAttribute('data-status')).toBe('running');
  await dashboard.button('Cancel').click();
  await dashboard.button('Cancel the session').click();
  await dashboard.hasStatus('cancelled');
  await expect.poll(() => page.getByRole('button', { name: /^(Pause|Resume|Stop|Cancel|Retry)$/ }).count()).toBe(0);
});

it('the list can be filtered by status and words, which stay in the URL', async ({ page, dashboard }) => {
  await fleet.client.sessions.create({ title: 'A needle in the list', initial_prompt: 'say hi' });
  await dashboard.signIn();
  await dashboard.button('pending').click();
  await page.getByRole('link', { name: 'A needle in the list' }).waitFor();
  await page.getByLabel('Search sessions').fill('needle');
  await expect.poll(() => new URL(page.url()).searchParams.get('q')).toBe('needle');
  await expect.poll(() => page.getByRole('row').count()).toBe(2);
  await page.reload();
  await page.getByRole('link', { name: 'A needle in the list' }).waitFor();
  await dashboard.button('pending').click();
  await dashboard.button('failed').click();
  await page.getByText('No session matches these filters').waitFor();
});
