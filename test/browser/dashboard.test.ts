import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { launchBrowser, listenForComplaints } from './support/browser.ts';
import { DemoStack } from './support/demo-stack.ts';

const WAIT_MS = 45_000;

let stack: DemoStack;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  [stack, browser] = await Promise.all([DemoStack.start(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
  context.setDefaultTimeout(WAIT_MS);
  page = await context.newPage();
  complaints = listenForComplaints(page);
});
afterEach(async () => {
  await context.close();
  expect(complaints).toEqual([]);
});

async function signIn(): Promise<void> {
  await page.goto(await stack.signInAddress());
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
}

/** Makes a session over the API, starts it, and opens its page. */
async function openSession(title: string, prompt: string, permissions = {}): Promise<string> {
  const { id } = await stack.client.sessions.create({
    title,
    initial_prompt: prompt,
    agent_config: { permissions },
  });
  await stack.client.sessions.act(id, 'start');
  await signIn();
  await page.getByRole('link', { name: title }).click();
  await page.getByRole('heading', { name: title }).waitFor();
  return id;
}

const headerStatus = (): Locator => page.locator('header [data-status]');
const hasStatus = (status: string) => page.locator(`header [data-status="${status}"]`).waitFor();
const isLive = () => page.locator('[data-connection="live"]').waitFor();
const transcript = () => page.getByRole('list', { name: 'Transcript' });
/** What the agent said; the prompt that told it to say so is no proof. */
const said = (text: string) => transcript().locator('[data-kind="text"]', { hasText: text });
const toolCall = (tool: string, text: string) => transcript().locator(`[data-tool="${tool}"]`, { hasText: text });
const button = (name: string) => page.getByRole('button', { name, exact: true });

/** The lengths that a part of the page was seen with, from now until it holds `end`. */
async function growthOf(part: Locator, end: string): Promise<number[]> {
  const lengths: number[] = [];
  await expect
    .poll(
      async () => {
        const text = (await part.textContent()) ?? '';
        if (text.length !== lengths.at(-1)) lengths.push(text.length);
        return text;
      },
      { timeout: WAIT_MS, interval: 50 },
    )
    .toContain(end);
  return lengths;
}

it('signs in by a one-time code, which leaves the address at once and works no second time', async () => {
  const address = await stack.signInAddress();
  await page.goto(address);
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  expect(page.url()).toBe(`${stack.url}/`);

  const other = await (await browser.newContext()).newPage();
  await other.goto(address);
  await other.getByRole('alert').getByText('was used before').waitFor();
  expect(other.url()).toBe(`${stack.url}/`);
  await other.context().close();
});

it('signs in by an address that is opened on the page itself, which an old one does not sign out', async () => {
  const address = await stack.signInAddress();
  await page.goto(stack.url);
  await page.getByLabel('Token').waitFor();
  await page.goto(address);
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  expect(page.url()).toBe(`${stack.url}/`);
  await page.goto(address);
  await expect.poll(() => page.url()).toBe(`${stack.url}/`);
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
});

it('refuses a token that the control plane does not know, and forgets a good one on signing out', async () => {
  await page.goto(stack.url);
  await page.getByLabel('Token').fill('not-a-token-of-this-control-plane');
  await button('Sign in').click();
  await page.getByRole('alert').getByText('does not accept this token').waitFor();

  const { token } = await stack.client.tokens.create({ name: 'browser', role: 'operator' });
  await page.getByLabel('Token').fill(token);
  await button('Sign in').click();
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  await button('Sign out').click();
  await page.getByLabel('Token').waitFor();
  expect(await page.evaluate('sessionStorage.length')).toBe(0);
});

it('creates a session, shows its work as it happens, answers what it asks, and shows the diff', async () => {
  await signIn();
  await page.getByRole('heading', { name: 'Agents' }).waitFor();
  await button('New session').click();
  await page.getByLabel('Title').fill('Greet from the browser');
  await page
    .getByLabel('Prompt')
    .fill(
      'think A greeting is wanted.\nslow 12 200\nwrite greeting.txt: hello from the browser\nsay Greeting written.',
    );
  await page.getByLabel('Tags').fill('greeting, browser');
  await page.getByRole('radio', { name: 'Ask' }).check();
  await button('Create and run').click();

  await page.getByRole('heading', { name: 'Greet from the browser' }).waitFor();
  await isLive();
  const permission = page.locator('[data-approval="permission"]');
  await permission.getByText('greeting.txt').first().waitFor();
  await hasStatus('running');
  expect(await transcript().locator('[data-kind="text"]').count()).toBeGreaterThan(0);
  await permission.getByRole('button', { name: 'Allow once' }).click();

  await hasStatus('completed');
  expect(await permission.count()).toBe(0);
  await transcript().locator('[data-tool="write"][data-state="completed"]').waitFor();
  await transcript().getByText('Reasoning').click();
  await transcript().locator('[data-kind="reasoning"]').getByText('A greeting is wanted.').waitFor();
  await page.getByRole('tab', { name: 'Changes' }).click();
  const file = page.getByRole('region', { name: 'greeting.txt' });
  await file.getByText('+hello from the browser').waitFor();
  expect(await file.textContent()).toContain('+1');

  await page.getByRole('link', { name: 'All sessions' }).click();
  const row = page.getByRole('row', { name: 'Greet from the browser' });
  await row.locator('[data-status="completed"]').waitFor();
  expect(await row.textContent()).toContain('#greeting');
});

it('shows text while it is written, not when it is done', async () => {
  await openSession('Speak slowly', 'slow 20 200\nsay The end.');
  const lengths = await growthOf(transcript().locator('[data-kind="text"]'), 'The end.');
  expect(lengths.length).toBeGreaterThan(5);
});

it('goes on where it was when the page is loaded again, in the middle of the work', async () => {
  await openSession('Survive a reload', 'say First words.\nrun echo half-way\nslow 15 250\nsay Last words.');
  await toolCall('bash', 'half-way').waitFor();
  await page.reload();
  await said('First words.').waitFor();
  await isLive();
  await hasStatus('completed');
  await said('Last words.').waitFor();
  expect(await transcript().locator('[data-tool="bash"]').count()).toBe(1);
});

it('keeps what it shows while the control plane is away, and catches up with no gap and no double', async () => {
  const id = await openSession('Survive a restart', 'say Before.\nrun echo one\nslow 18 500\nrun echo two\nsay After.');
  await said('Before.').waitFor();
  await isLive();
  stack.killControlPlane();
  await page.locator('[data-connection="connecting"], [data-connection="waiting"]').first().waitFor();
  await said('Before.').waitFor();
  await isLive();
  await hasStatus('completed');
  const log = await stack.client.sessions.events(id, { limit: 500 });
  const toolCalls = new Set(log.items.flatMap((event) => (event.type === 'tool' ? [event.data.call_id] : [])));
  expect(await transcript().locator('[data-tool]').count()).toBe(toolCalls.size);
  await said('After.').waitFor();
});

it('offers the legal actions alone: pauses, resumes, and cancels after a second thought', async () => {
  await openSession('Be told what to do', 'slow 6 250\nrun echo step\n'.repeat(12));
  await hasStatus('running');
  expect(await button('Start').count()).toBe(0);
  await button('Pause').click();
  await hasStatus('paused');
  await expect.poll(() => button('Pause').count()).toBe(0);
  await button('Resume').click();
  await hasStatus('running');
  await button('Cancel').click();
  await button('Back').click();
  expect(await headerStatus().getAttribute('data-status')).toBe('running');
  await button('Cancel').click();
  await button('Cancel the session').click();
  await hasStatus('cancelled');
  await expect.poll(() => page.getByRole('button', { name: /^(Pause|Resume|Stop|Cancel|Retry)$/ }).count()).toBe(0);
});

it('answers a question with the option that was chosen', async () => {
  await openSession('Ask me', 'question Which colour? red | blue', { question: 'allow' });
  const question = page.locator('[data-approval="question"]');
  await question.getByText('Which colour?').first().waitFor();
  expect(await button('Answer').isDisabled()).toBe(true);
  await question.getByRole('radio', { name: 'blue' }).check();
  await button('Answer').click();
  await hasStatus('completed');
  expect(await page.getByRole('region', { name: 'Answered' }).textContent()).toContain('blue');
});

it('tells the agent why not: a rejection carries its message', async () => {
  await openSession('Be refused', 'write secret.txt: no', { edit: 'ask' });
  const permission = page.locator('[data-approval="permission"]');
  await permission.getByLabel('Or reject with a message').fill('Leave that file alone.');
  await button('Reject').click();
  await page.getByRole('region', { name: 'Answered' }).getByText('rejected').waitFor();
  await toolCall('write', 'Leave that file alone.').waitFor();
});

it('sends a message into the work', async () => {
  await openSession('Take a message', 'slow 12 400\nrun echo first');
  await hasStatus('running');
  await page.getByLabel('Delivery').selectOption('follow_up');
  await page.getByLabel('Message to the agent').fill('run echo asked-for-later');
  await button('Send').click();
  await transcript().locator('[data-kind="prompt"]').getByText('run echo asked-for-later').waitFor();
  await hasStatus('completed');
  await toolCall('bash', '$ echo asked-for-later').waitFor();
});

it('narrows the list by status and words, and keeps that in the address', async () => {
  await stack.client.sessions.create({ title: 'A needle in the list', initial_prompt: 'say hi' });
  await signIn();
  await button('pending').click();
  await page.getByRole('link', { name: 'A needle in the list' }).waitFor();
  await page.getByLabel('Search sessions').fill('needle');
  await expect.poll(() => new URL(page.url()).searchParams.get('q')).toBe('needle');
  await expect.poll(() => page.getByRole('row').count()).toBe(2);
  await page.reload();
  await page.getByRole('link', { name: 'A needle in the list' }).waitFor();
  await button('pending').click();
  await button('failed').click();
  await page.getByText('No session fits these filters').waitFor();
});

it('says what was wrong with a session that cannot be created', async () => {
  await signIn();
  await button('New session').click();
  await page.getByLabel('Title').fill('   x   ');
  await page.getByLabel('Prompt').fill('say hi');
  await button('Create and run').click();
  await page.getByRole('alert').getByText('title').waitFor();
});

it('says that there is no such session, and deletes one only when it is meant', async () => {
  const { id } = await stack.client.sessions.create({ title: 'To be deleted', initial_prompt: 'say hi' });
  await signIn();
  await page.goto(`${stack.url}/sessions/${id}`);
  await button('Delete the session').click();
  await button('Delete').click();
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  await page.goto(`${stack.url}/sessions/${id}`);
  await page.getByRole('alert').getByText('There is no such').first().waitFor();
});

it('fits a phone', async () => {
  await openSession(
    'Fit a phone',
    'run echo a-word-that-is-as-long-as-a-line-on-a-phone-can-be-or-even-a-bit-longer\nsay Done.',
  );
  await hasStatus('completed');
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
