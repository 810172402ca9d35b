import { afterAll, beforeAll, expect } from 'vitest';
import { ControlPlane } from '../system/support/control-plane.ts';
import { NO_POSTGRES } from '../system/support/fleet.ts';
import { scratchDirectory } from '../system/support/rig.ts';
import { axeViolations } from './support/axe.ts';
import { dashboardTests } from './support/dashboard.ts';
import { longSession, shownSession } from './support/long-session.ts';

const EVENTS = 20_000;
/** Many more than a screen needs, and far fewer than the entries would be. */
const ELEMENTS_MAX = 2_000;

const scratch = scratchDirectory();
let server: ControlPlane;
beforeAll(async () => {
  server = await ControlPlane.start(scratch.path, NO_POSTGRES);
});
afterAll(async () => {
  await server?.stop();
  scratch.remove();
});

const it = dashboardTests(() => server);

it('a long session opens at its latest entries, and draws only what is in sight', async ({ page, dashboard }) => {
  const { id, last } = await longSession(server, EVENTS);
  await dashboard.signIn();
  await page.goto(`${server.url}/sessions/${id}`);
  await dashboard.isLive();
  await dashboard.transcript().getByText(`src/file-${last}.ts`).waitFor();
  const elements = () => page.evaluate('document.querySelectorAll("*").length');
  expect(await elements()).toBeLessThan(ELEMENTS_MAX);

  await page.keyboard.press('Home');
  await dashboard.transcript().getByText('Mend all tests.').waitFor();
  expect(await elements()).toBeLessThan(ELEMENTS_MAX);
  // The actions stay in sight, and “Latest” covers no control.
  expect(await dashboard.button('Stop').isVisible()).toBe(true);
  await dashboard.button('↓ Latest').click();
  await dashboard.transcript().getByText(`src/file-${last}.ts`).waitFor();
  await page.keyboard.press('PageUp');
  await dashboard.button('Stop').click({ trial: true });
  expect(await axeViolations(page)).toEqual([]);
});

it('entries look as what they are, and name what cannot be seen', async ({ page, dashboard }) => {
  const id = await shownSession(server, [
    {
      type: 'text.delta',
      data: {
        message_id: 'm',
        part_id: 'p',
        offset: 0,
        text: '# Plan\n\n- **first**\n\n<img src=x onerror=alert(1)> [bad](javascript:alert(1)) \u202egnp.exe',
      },
    },
    {
      type: 'tool',
      data: {
        message_id: 'm',
        call_id: 'c',
        tool: 'bash',
        state: 'completed',
        input: { command: 'npm test' },
        output: '\u001b[31m1 failed\u001b[0m \u0000 \ufffd',
        exit_code: 1,
      },
    },
  ]);
  await dashboard.signIn();
  await page.goto(`${server.url}/sessions/${id}`);
  const text = dashboard.transcript().locator('[data-kind="text"]');
  await text.getByRole('listitem').getByText('first').waitFor();
  expect(await text.textContent()).toContain('‹U+202E›gnp.exe');
  expect(await text.locator('img, a[href^="javascript"]').count()).toBe(0);
  const call = dashboard.toolCall('bash', 'failed: exit code 1');
  expect(await call.textContent()).toContain('1 failed ‹U+0000›');
  await call.getByText('Bytes that are not text').waitFor();
  const entries = dashboard.transcript().locator('[data-kind]');
  expect(await entries.locator('time').count()).toBe(await entries.count());
  expect(await axeViolations(page)).toEqual([]);
});

it('the keyboard reaches the message box without passing the entries', async ({ page, dashboard }) => {
  const id = await shownSession(server, []);
  await dashboard.signIn();
  await page.goto(`${server.url}/sessions/${id}`);
  const skip = page.getByRole('button', { name: 'Skip to the message box' });
  await page.getByRole('tab', { name: 'Transcript' }).focus();
  await page.keyboard.press('Tab');
  await expect.poll(() => skip.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
  await page.keyboard.press('Enter');
  await page.keyboard.type('Hello');
  expect(await page.getByLabel('Message to the agent').inputValue()).toBe('Hello');
});
