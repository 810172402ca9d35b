import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { ContextList } from '../../src/protocol/context/list.ts';
import { eventually } from '../support/eventually.ts';
import { Launcher } from '../system/support/launcher.ts';
import { axeViolations } from './support/axe.ts';
import { dashboardTests } from './support/dashboard.ts';
import { DemoStack } from './support/demo-stack.ts';

let stack: DemoStack;
beforeAll(async () => {
  stack = await DemoStack.start();
});
afterAll(() => stack?.stop());

const it = dashboardTests(() => stack);

async function newSession(title: string): Promise<{ id: string; ref: string }> {
  const { id } = await stack.client.sessions.create({ title, initial_prompt: 'say hi' });
  return { id, ref: `session.${id}` };
}

it('the context of a session is shown as it changes, with who has written what in which version', async ({
  page,
  dashboard,
}) => {
  const { contexts } = stack.client;
  const { id, ref } = await newSession('Shares what it knows');
  await dashboard.signIn();
  await page.goto(`${stack.url}/sessions/${id}`);
  await page.getByRole('tab', { name: 'Context' }).click();
  await page.getByText(`npm run oio -- context set ${id} build/status green`).waitFor();
  expect(await axeViolations(page)).toEqual([]);

  await contexts.putKey(ref, 'build', { value: { status: 'red' } });
  const values = page.getByRole('list', { name: 'Values of the context' });
  const build = values.getByRole('listitem').filter({ hasText: 'build' });
  await build.getByText('{"status":"red"}').waitFor();
  await build.getByText(/^version 1 · .* · the admin token$/).waitFor();
  await contexts.putKey(ref, 'build/status', { value: 'green' });
  await contexts.putKey(ref, 'notes', { value: `one\n${'long '.repeat(2_000)}\nthe end` });
  await build.getByText(/^version 2 · /).waitFor();
  const history = page.getByRole('list', { name: 'Changes of the context' });
  await expect
    .poll(() =>
      history
        .getByRole('listitem')
        .filter({ hasText: /^version/ })
        .count(),
    )
    .toBe(3);
  await history.getByText('/build/status').waitFor();
  await history.getByText('The first version.').waitFor();

  const notes = values.getByRole('listitem').filter({ hasText: 'notes' });
  await notes.locator('summary').click();
  expect(await notes.locator('pre').textContent()).not.toContain('the end');
  await notes.getByRole('button', { name: /^Show all/ }).click();
  expect(await notes.locator('pre').textContent()).toContain('the end');
  expect(await axeViolations(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 800 });
  expect(await page.evaluate(`document.documentElement.scrollWidth`)).toBe(390);
});

it('a secret is not on the screen before somebody asks for it', async ({ page, dashboard }) => {
  const { contexts } = stack.client;
  const { id, ref } = await newSession('Has a secret');
  await contexts.putKey(ref, 'token', { value: 'hunter2', secret: true });
  await dashboard.signIn();
  await page.goto(`${stack.url}/sessions/${id}`);
  await page.getByRole('tab', { name: 'Context' }).click();
  const token = page.getByRole('list', { name: 'Values of the context' }).getByRole('listitem');
  await token.getByText('[secret]').waitFor();
  expect(await page.content()).not.toContain('hunter2');
  await token.getByRole('button', { name: 'Show' }).click();
  await token.getByText('hunter2').waitFor();
  expect(await axeViolations(page)).toEqual([]);
});

it('a conflict that a merge has left open is shown with both sides, and decided by a button', async ({
  page,
  dashboard,
}) => {
  const { contexts } = stack.client;
  const mine = await newSession('Gets a merge');
  const theirs = `${mine.ref}.task-2`;
  await contexts.update(mine.ref, { updates: { port: 8080, host: 'here' } });
  await contexts.update(theirs, { updates: { port: 9090, host: 'there', more: 1 } });
  await contexts.merge({ context_ids: [theirs, mine.ref] });
  await dashboard.signIn();
  await page.goto(`${stack.url}/sessions/${mine.id}`);
  await page.getByRole('tab', { name: 'Context' }).click();
  const conflicts = page.getByRole('list', { name: 'Open conflicts' });
  const port = conflicts.getByRole('listitem').filter({ hasText: '/port' });
  await port.getByText('8080', { exact: true }).waitFor();
  await port.getByText('9090', { exact: true }).waitFor();
  await port.getByText('From task 2').waitFor();
  await page.getByText('merged from task 2, version 1').waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await dashboard.button('Take the other one: /port').click();
  await dashboard.button('Keep what is there now: /host').click();
  await conflicts.waitFor({ state: 'detached' });
  expect(await contexts.get(mine.ref)).toMatchObject({
    data: { port: 9090, host: 'here', more: 1 },
    open_conflicts: 0,
  });
});

it('oio context list shows the contexts with their versions, by session and by the names of their members', async () => {
  const { id, ref } = await newSession('Is listed');
  await stack.client.contexts.putKey(ref, 'inner/needle', { value: 1 });
  const list = async (...options: string[]) => {
    const args = ['context', 'list', ...options];
    const command = new Launcher({ dataDirectory: join(stack.path, 'data'), args });
    expect(await command.exited).toBe(0);
    return command.output;
  };
  // A list has a change within seconds.
  await eventually(async () =>
    expect(await list('--session', id)).toMatch(new RegExp(`^${ref} +1 .*the admin token$`, 'm')),
  );
  const { items } = JSON.parse(await list('--search', 'NEEDLE', '--scope', 'session', '--json')) as ContextList;
  expect(items.map(({ session_id }) => session_id)).toEqual([id]);
  expect(await list('--search', 'no such member')).toBe('No context fits.\n');
});
