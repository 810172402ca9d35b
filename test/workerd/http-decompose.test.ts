import { expect, it } from 'vitest';
import type { Problem } from '../../src/protocol/common/errors.ts';
import type { Task } from '../../src/protocol/session/task.ts';
import type { TemplateList, TemplateView } from '../../src/protocol/workspace/task-template.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

const PART = { title: 'A part', description: 'Do it.', hours: 1 };
const TEMPLATE = {
  triggers: ['bread'],
  parts: [
    { ...PART, name: 'dough' },
    { ...PART, name: 'oven', depends_on: ['dough'] },
  ],
};

async function workspaceWith(title: string, more: object = {}) {
  const token = await signToken('operator', newWorkspace());
  const send = (path: string, body?: object, method = 'POST') => ask(`/api/v1/${path}`, { token, body, method });
  const get = async <T>(path: string) => (await (await ask(`/api/v1/${path}`, { token })).json()) as T;
  const create = async (changes: object) => {
    const created = await send('sessions', { title, initial_prompt: 'Do it.', ...changes });
    expect(created.status).toBe(201);
    return ((await created.json()) as { id: string }).id.replace(/0$/, '1');
  };
  return { send, get, create, task: await create(more) };
}

it('a task is split, and the answer has its subtasks', async () => {
  const { send, get, task } = await workspaceWith('A CRUD');
  const shown = await send(`tasks/${task}/decompose`, { preview: true });
  expect([shown.status, ((await shown.json()) as Task).subtasks]).toMatchObject([200, { length: 5 }]);
  expect((await get<Task>(`tasks/${task}?include_subtasks=true`)).subtasks).toEqual([]);
  const split = await send(`tasks/${task}/decompose`, { task_id: task, strategy: 'auto', max_depth: 1 });
  expect([split.status, ((await split.json()) as Task).subtasks]).toMatchObject([200, { length: 5 }]);
});

it('a plan of an agent is accepted, and comes later', async () => {
  const { send, task } = await workspaceWith('A CRUD');
  const asked = await send(`tasks/${task}/decompose`, { strategy: 'agent' });
  expect([asked.status, ((await asked.json()) as Task).decomposition]).toMatchObject([202, { state: 'planning' }]);
});

it.each([
  ['another task in the body', (task: string) => ({ task_id: task.replace(/1$/, '2') }), 'task_id'],
  ['a depth beyond 5', () => ({ max_depth: 6 }), 'max_depth'],
  ['an unknown strategy', () => ({ strategy: 'magic' }), 'strategy'],
  ['a preview of a plan', () => ({ strategy: 'agent', preview: true }), 'preview'],
  ['a template that may not be used', () => ({ strategy: 'template', apply_templates: false }), 'apply_templates'],
  ['a template that does not fit', () => ({ strategy: 'template' }), 'strategy'],
])('%s is refused with its member', async (_, body, path) => {
  const { send, task } = await workspaceWith('A session');
  const refused = await send(`tasks/${task}/decompose`, body(task));
  expect(refused.status).toBe(422);
  expect(((await refused.json()) as Problem).errors?.map((error) => error.path)).toEqual([path]);
});

it('a template of the workspace is used until it is deleted, also for sessions that are created with a plan', async () => {
  const { send, get, create, task } = await workspaceWith('Bake bread');
  const stored = await send('templates/bread', TEMPLATE, 'PUT');
  expect([stored.status, (await stored.json()) as TemplateView]).toMatchObject([
    200,
    { name: 'bread', specificity: 80, is_built_in: false },
  ]);
  expect((await get<TemplateList>('templates')).templates.map(({ name }) => name)).toContain('bread');
  expect(await get<TemplateView>('templates/crud')).toMatchObject({ is_built_in: true, updated_at: null });
  const split = await send(`tasks/${task}/decompose`);
  expect(((await split.json()) as Task).decomposition).toMatchObject({ template: 'bread' });
  const planned = await get<Task>(`tasks/${await create({ plan: 'template' })}?include_subtasks=true`);
  expect(planned.subtasks).toHaveLength(2);

  const stranger = await workspaceWith('A stranger');
  expect(await stranger.get<Problem>('templates/bread')).toMatchObject({ status: 404 });
  expect((await stranger.send('templates/bread', undefined, 'DELETE')).status).toBe(404);
  expect((await send('templates/bread', undefined, 'DELETE')).status).toBe(204);
  expect((await send('templates/bread', undefined, 'DELETE')).status).toBe(404);
  expect((await send('templates/crud', undefined, 'DELETE')).status).toBe(404);
  expect(await get<Problem>('templates/bread')).toMatchObject({ status: 404 });
});

it('a template whose parts wait for each other is refused, and so is one of a single part', async () => {
  const { send, get } = await workspaceWith('Bread');
  const [dough, oven] = TEMPLATE.parts;
  for (const parts of [[{ ...dough, depends_on: ['oven'] }, oven], [dough], [dough, dough]]) {
    expect((await send('templates/bread', { ...TEMPLATE, parts }, 'PUT')).status).toBe(422);
  }
  expect((await get<TemplateList>('templates')).templates.map(({ name }) => name)).not.toContain('bread');
});
