import { beforeEach, describe, expect, it } from 'vitest';
import { IMPLICIT_TASK, taskIdOf } from '../../../src/protocol/common/ids.ts';
import { DecomposeTaskRequest } from '../../../src/protocol/session/decomposition.ts';
import type { Task } from '../../../src/protocol/session/task.ts';
import { UpdateTaskRequest } from '../../../src/protocol/session/task-changes.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import type { TaskTemplate } from '../../../src/protocol/workspace/task-template.ts';
import { type FakeAgent, failure, result } from './fake-agent.ts';
import { failureOf, requested, SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

let session: SessionInProcess;
beforeEach(() => {
  session = new SessionInProcess();
});

const id = (task: number) => taskIdOf(SESSION_ID, task);
const tryTo = (body: Record<string, unknown> = {}, task = IMPLICIT_TASK, templates: TaskTemplate[] = []) =>
  session.runtime.decompose(session.call(), id(task), DecomposeTaskRequest().parse(body), templates);
const decompose = async (body: Record<string, unknown> = {}, task = IMPLICIT_TASK, templates: TaskTemplate[] = []) =>
  unwrap(await tryTo(body, task, templates));
const read = async (task = IMPLICIT_TASK) => unwrap(await session.runtime.task(session.call(), id(task), true));
const titles = ({ subtasks = [] }: Task) => subtasks.map(({ title }) => title);
const statuses = () => session.rows<{ number: number; status: string }>('tasks').map(({ status }) => status);
const stored = () => ({
  tasks: session.rows('tasks'),
  details: session.rows('task_details'),
  session: session.rows('session'),
  events: session.rows('event_batches'),
});
const add = async (...tasks: Record<string, unknown>[]) =>
  unwrap(await session.runtime.createTasks(session.call(), CreateGraphRequest().parse({ tasks })));
/** An agent ends its task, with all that it was told. */
const end = (agent: FakeAgent, task: number, changes: Parameters<typeof result>[1] = {}) =>
  agent.send(result(session.runtime.parts.records.lastMessageOf(task), changes));
/** The prompts of a task, in their order. */
const promptsOf = (task: number) =>
  session.rows<{ text: string }>('messages', `task = ${task} ORDER BY number`).map(({ text }) => text);

describe('splitting by rules', () => {
  it('gives a task its parts in their order, and the sum of their estimates', async () => {
    await session.create({ title: 'A web service', initial_prompt: 'Serve orders.' });
    const task = await decompose();
    expect(task.decomposition).toEqual({
      state: 'applied',
      strategy: 'template',
      template: 'web_service',
      attempt: 0,
      reason: null,
      plan_task_id: null,
    });
    expect(task.estimated_hours).toBe(20);
    expect(titles(task)).toEqual(
      ['Requirements', 'Design', 'Implementation', 'Testing', 'Deployment'].map((title) => `${title}: A web service`),
    );
    const [, design] = task.subtasks!;
    expect(design).toMatchObject({
      estimated_hours: 4,
      required_capabilities: ['system_design'],
      depends_on: [{ task_id: task.subtasks![0]!.id, dependency_type: 'finish_to_start', is_required: true }],
    });
    expect(design!.description).toContain('Serve orders.');
    expect(await session.events()).toContainEqual(
      expect.objectContaining({
        task: 1,
        type: 'task.decomposition',
        data: expect.objectContaining({ state: 'applied' }),
      }),
    );
  });

  it('divides the estimate of the task among its parts, and splits the long ones again', async () => {
    await session.create();
    const estimate = { optimistic_hours: 20, likely_hours: 40, pessimistic_hours: 60 };
    await add({ title: 'A web service', description: 'Serve.', estimate });
    const task = await decompose({ max_depth: 2 }, 2);
    expect(task.subtasks!.map(({ estimated_hours }) => estimated_hours)).toEqual([4, 8, 16, 8, 4]);
    const tenths = task.subtasks![2]!.subtasks!.map(({ estimated_hours }) => Math.round(estimated_hours! * 10));
    expect(tenths).toEqual([32, 64, 32, 32]);
    expect(task.estimate).toEqual(estimate);
    const again = await decompose({ max_depth: 1 }, 2);
    expect(again.subtasks!.map(({ subtasks }) => subtasks!.length)).toEqual([0, 0, 0, 0, 0]);
  });

  it('is repeatable: the same request again changes no task', async () => {
    await session.create({ title: 'A CRUD' });
    const first = await decompose();
    const again = await decompose();
    const { graph_version: _, ...same } = again as Task & { graph_version?: number };
    expect(same).toEqual(first);
    const other = await decompose({ strategy: 'temporal' });
    expect(titles(other)).toHaveLength(4);
    expect((await decompose()).subtasks!.map(({ title }) => title)).toEqual(titles(first));
  });

  it('replaces only what has not started', async () => {
    await session.create({ title: 'A web service', max_parallel: 10 });
    await decompose();
    await session.act('start');
    const agent = session.agentOf(2).connect();
    end(agent, 2);
    const design = session.agentOf(3).connect();
    expect(statuses().slice(1)).toEqual(['completed', 'assigned', 'pending', 'pending', 'pending']);
    const task = await decompose({ strategy: 'functional' });
    expect(titles(task)).toEqual(
      ['Requirements', 'Design', 'Data', 'Logic', 'Interface', 'Tests'].map((title) => `${title}: A web service`),
    );
    const back = await decompose();
    expect(titles(back)).toEqual(
      ['Requirements', 'Design', 'Implementation', 'Testing', 'Deployment'].map((title) => `${title}: A web service`),
    );
    expect(back.subtasks![2]!.depends_on.map(({ task_id }) => task_id)).toEqual([id(3)]);
    end(design, 3);
    expect(session.task(Number.parseInt(back.subtasks![2]!.id.slice(-8), 16)).status).toBe('ready');
  });

  it('keeps what people have added to the task', async () => {
    await session.create({ title: 'A CRUD' });
    await add({ title: 'By hand', description: 'Do it.' });
    await decompose();
    expect(titles(await decompose({ strategy: 'temporal' }))).toContain('By hand');
  });

  it('is refused if it would remove what people have added to a part', async () => {
    await session.create({ title: 'A CRUD' });
    await decompose();
    await decompose({ strategy: 'temporal' }, 3);
    const { task_ids } = await add({ title: 'By hand', description: 'Do it.', parent: id(2) });
    const before = stored();
    const refused = failureOf(await tryTo({ strategy: 'temporal' }));
    expect(refused).toMatchObject({ code: 'has_dependents', current: task_ids });
    expect(refused.detail).toContain('“By hand” was added to');
    expect(stored()).toEqual(before);
    unwrap(await session.runtime.removeTask(session.call(), task_ids[0]!, { cascade: false }));
    expect(titles(await decompose({ strategy: 'temporal' }))).toHaveLength(4);
  });

  it('a preview shows the same parts under the same ids, and changes nothing', async () => {
    await session.create({ title: 'A CRUD' });
    await session.act('start');
    const before = stored();
    const shown = await decompose({ preview: true });
    expect(stored()).toEqual(before);
    expect((await read()).subtasks).toEqual([]);
    const done = await decompose();
    expect(done).toEqual(shown);
  });

  it('a ready task that is split asks for no agent any more, and its first parts do', async () => {
    await session.create({ title: 'A CRUD' });
    await session.act('start');
    expect(statuses()).toEqual(['ready']);
    await decompose();
    expect(statuses()).toEqual(['ready', 'ready', 'ready', 'ready', 'ready', 'pending']);
    expect(session.task(1).reserved_at).toBeNull();
    expect(session.task(2).reserved_at).not.toBeNull();
  });

  it('uses the templates of the workspace', async () => {
    await session.create({ title: 'Bake bread' });
    const parts = ['dough', 'oven'].map((name) => ({
      name,
      title: `The ${name}`,
      description: 'Do it.',
      hours: 1,
      required_capabilities: [],
      depends_on: [],
    }));
    const own = { name: 'baking', triggers: ['bread'], specificity: 80, raises_priority: false, parts };
    expect((await decompose({ strategy: 'template' }, 1, [own])).decomposition?.template).toBe('baking');
  });

  it('the checks of the task run in the part that comes last', async () => {
    await session.create();
    await add({ title: 'A CRUD', description: 'Do it.', checks: ['npm test'] });
    const { subtasks = [] } = await decompose({}, 2);
    expect(subtasks.map(({ checks }) => checks.length)).toEqual([0, 0, 0, 0, 1]);
  });
});

describe('refusals change nothing', () => {
  const refused = async (body: Record<string, unknown>, task = IMPLICIT_TASK) => {
    const before = stored();
    const failure = failureOf(await tryTo(body, task));
    expect(stored()).toEqual(before);
    return failure;
  };

  it('no template fits', async () => {
    await session.create();
    expect(await refused({ strategy: 'template' })).toMatchObject({
      code: 'validation_failed',
      errors: [{ path: 'strategy' }],
    });
  });

  it('there is no such task', async () => {
    await session.create();
    expect((await refused({}, 9)).code).toBe('not_found');
  });

  it('the graph has changed', async () => {
    await session.create();
    await decompose();
    expect((await refused({ graph_version: 1 })).code).toBe('stale_graph');
  });

  it('an agent has begun with the task', async () => {
    await session.begun();
    expect((await refused({})).code).toBe('illegal_transition');
  });

  it('the task or the session has ended', async () => {
    const agent = await session.begun();
    await add({ title: 'Another one', description: 'Do it.', parent: null });
    end(agent, 1);
    expect((await refused({}, 1)).code).toBe('illegal_transition');
    await session.act('cancel');
    expect((await refused({}, 2)).code).toBe('illegal_transition');
  });

  it('another task waits for a part that would go', async () => {
    await session.create({ title: 'A CRUD' });
    await decompose();
    await add({ title: 'Waits for create', description: 'Do it.', parent: null, depends_on: [id(2)] });
    expect((await refused({ strategy: 'temporal' })).code).toBe('has_dependents');
  });

  it('the parts would be too deep', async () => {
    await session.create();
    const deep = Array.from({ length: 9 }, (_, index) => ({
      name: `level-${index}`,
      title: `Level ${index}`,
      description: 'Do it.',
      ...(index > 0 && { parent: `level-${index - 1}` }),
    }));
    await add(...deep);
    expect((await refused({ strategy: 'temporal' }, 10)).code).toBe('limit_reached');
  });
});

describe('a session with a plan', () => {
  it('is split when it is created, or stays one task', async () => {
    await session.create({ title: 'A CRUD', plan: 'template' });
    expect(titles(await read())).toHaveLength(5);
    const other = new SessionInProcess();
    unwrap(await other.runtime.create(other.call(), SESSION_ID, requested({ plan: 'template' })));
    expect(other.rows('tasks')).toHaveLength(1);
    const task = unwrap(await other.runtime.task(other.call(), id(1), true));
    expect(task.decomposition).toMatchObject({ state: 'undivided', reason: expect.stringContaining('No template') });
  });
});

describe('the plan of an agent', () => {
  const PLAN = {
    tasks: [
      { name: 'a', title: 'First', description: 'Do the first.', paths: ['a/**'] },
      { name: 'b', title: 'Second', description: 'Do the second.', depends_on: ['a'] },
    ],
  };
  const planner = async () => {
    await session.act('start');
    return session.agentOf(2).connect();
  };
  /** The planner answers its last prompt. */
  const answer = (agent: FakeAgent, text: string) => end(agent, 2, { text });

  it('is asked for before the task, by an agent that can, and the task goes on with its parts', async () => {
    await session.create({ title: 'A CRUD' });
    const asked = await decompose({ strategy: 'agent' });
    expect(asked.decomposition).toMatchObject({ state: 'planning', attempt: 1, reason: null, plan_task_id: id(2) });
    const plan = await read(2);
    expect(plan).toMatchObject({ kind: 'plan', required_capabilities: ['task_decomposition'], parent_task_id: null });
    const agent = await planner();
    expect(statuses()).toEqual(['pending', 'assigned']);
    answer(agent, JSON.stringify(PLAN));
    expect((await read()).decomposition).toMatchObject({
      state: 'applied',
      strategy: 'agent',
      attempt: 1,
      reason: null,
    });
    expect(titles(await read())).toEqual(['First', 'Second']);
    expect(statuses()).toEqual(['ready', 'completed', 'ready', 'pending']);
    expect(promptsOf(3)).toEqual(['Do the first.']);
  });

  it('is sent back once with what is wrong, and then used', async () => {
    await session.create();
    await decompose({ strategy: 'agent' });
    const agent = await planner();
    answer(agent, '{"tasks": []}');
    expect(session.task(2).status).toBe('in_progress');
    expect((await read()).decomposition).toMatchObject({
      state: 'planning',
      attempt: 2,
      reason: expect.stringContaining('tasks'),
    });
    expect(promptsOf(2).at(-1)).toContain('The plan cannot be used');
    answer(agent, JSON.stringify(PLAN));
    expect((await read()).decomposition).toMatchObject({
      state: 'applied',
      strategy: 'agent',
      attempt: 2,
      reason: null,
    });
    expect(titles(await read())).toEqual(['First', 'Second']);
  });

  it('gives way to the template that fits when it is wrong again, with the reason', async () => {
    await session.create({ title: 'A CRUD' });
    await decompose({ strategy: 'agent' });
    const agent = await planner();
    answer(agent, 'no');
    answer(agent, 'still no');
    const task = await read();
    expect(task.decomposition).toMatchObject({ state: 'applied', strategy: 'template', template: 'crud', attempt: 2 });
    expect(task.decomposition!.reason).toContain('no JSON object');
    expect(task.subtasks).toHaveLength(5);
    expect(session.task(3).status).toBe('ready');
  });

  it('the task is done as one if no template may be used either', async () => {
    await session.create({ title: 'A CRUD' });
    await decompose({ strategy: 'agent', apply_templates: false });
    const agent = await planner();
    answer(agent, 'no');
    answer(agent, 'no');
    expect((await read()).decomposition).toMatchObject({ state: 'undivided', strategy: 'agent' });
    expect(statuses()).toEqual(['ready', 'completed']);
    const worker = session.agentOf(1).connect();
    end(worker, 1);
    expect(await session.status()).toBe('completed');
  });

  it('is awaited still if the transaction in which the planner has ended fails', async () => {
    await session.create({ title: 'A CRUD' });
    await decompose({ strategy: 'agent' });
    await planner();
    const { kit, transitions } = session.runtime.parts;
    const end = () => {
      transitions.task(2, { status: 'failed' });
      throw new Error('fails');
    };
    expect(() => kit.store.transact(end)).toThrow('fails');
    await add({ title: 'Another one', description: 'Do it.' });
    expect((await read()).decomposition).toMatchObject({ state: 'planning', attempt: 1, reason: null });
  });

  it('a planner that fails for good does not fail the session', async () => {
    await session.create({ title: 'A CRUD', max_attempts: 1 });
    await decompose({ strategy: 'agent' });
    const agent = await planner();
    agent.send(failure(false));
    expect(session.task(2).status).toBe('skipped');
    expect((await read()).decomposition).toMatchObject({ state: 'applied', strategy: 'template' });
    expect((await read()).decomposition!.reason).not.toBeNull();
  });

  it('a person who cancels the planner gets the template, and one who cancels the session nothing more', async () => {
    await session.create({ title: 'A CRUD' });
    await decompose({ strategy: 'agent' });
    await session.act('start');
    unwrap(await session.runtime.changeTask(session.call(), id(2), { type: 'status', body: { status: 'cancelled' } }));
    expect((await read()).subtasks).toHaveLength(5);
    const other = new SessionInProcess();
    unwrap(await other.runtime.create(other.call(), SESSION_ID, requested({ title: 'A CRUD', plan: 'agent' })));
    await other.act('cancel');
    expect(other.rows('tasks')).toHaveLength(2);
  });

  it('while it is awaited, the task cannot begin without it unless the planner is cancelled', async () => {
    await session.create();
    await session.act('start');
    await decompose({ strategy: 'agent' });
    const release = { type: 'remove_dependency', body: { depends_on_task_id: id(2) } } as const;
    const refused = failureOf(await session.runtime.changeTask(session.call(), id(1), release));
    expect(refused).toMatchObject({ code: 'illegal_transition', detail: expect.stringContaining('cancel it') });
    expect(statuses()).toEqual(['pending', 'ready']);
    const cancel = { type: 'status', body: { status: 'cancelled' } } as const;
    unwrap(await session.runtime.changeTask(session.call(), id(2), cancel));
    expect(statuses()[0]).not.toBe('pending');
  });

  it('while it is awaited, the task cannot be split again', async () => {
    await session.create();
    await decompose({ strategy: 'agent' });
    expect(failureOf(await tryTo()).code).toBe('illegal_transition');
    expect(failureOf(await tryTo({}, 2)).code).toBe('illegal_transition');
  });

  it('shares the estimate that the task has', async () => {
    await session.create();
    const estimate = { optimistic_hours: 8, likely_hours: 8, pessimistic_hours: 8 };
    const body = UpdateTaskRequest().parse({ estimate });
    unwrap(await session.runtime.changeTask(session.call(), id(1), { type: 'update', body }));
    await decompose({ strategy: 'agent' });
    const agent = await planner();
    answer(agent, JSON.stringify(PLAN));
    expect((await read()).subtasks!.map(({ estimated_hours }) => estimated_hours)).toEqual([4, 4]);
  });

  it('what a planner has said is no part of the prompts of the tasks after it', async () => {
    await session.create({ plan: 'agent' });
    const agent = await planner();
    answer(agent, JSON.stringify(PLAN));
    expect(promptsOf(3)).toEqual(['Do the first.']);
  });
});
