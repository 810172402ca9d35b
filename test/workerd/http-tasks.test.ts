import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/protocol/common/errors.ts';
import type { GraphCreated, SessionGraph, Task, TaskList } from '../../src/protocol/session/task.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

async function withSession() {
  const token = await signToken('operator', newWorkspace());
  const get = async <T>(path: string) => (await (await ask(`/api/v1/${path}`, { token })).json()) as T;
  const send = (path: string, body: object, method = 'POST') => ask(`/api/v1/${path}`, { token, body, method });
  const sessionOf = async () => {
    const created = await send('sessions', { title: 'A session', initial_prompt: 'Do it' });
    return ((await created.json()) as { id: string }).id;
  };
  return { get, send, sessionOf, session: await sessionOf() };
}

const TASK = { title: 'Write it', description: 'Add GET /orders.' };

describe('a task over HTTP', () => {
  it('is created, read with its subtasks, and listed', async () => {
    const { get, send, session } = await withSession();
    const estimate = { optimistic_hours: 1, likely_hours: 2, pessimistic_hours: 3 };
    const created = await send('tasks', { ...TASK, session_id: session, estimate });
    expect(created.status).toBe(201);
    const task = (await created.json()) as Task;
    expect(created.headers.get('Location')).toBe(`/api/v1/tasks/${task.id}`);
    expect(task).toMatchObject({
      estimated_hours: 2,
      complexity_level: 'moderate',
      status: 'pending',
      session_id: session,
    });
    const parent = await get<Task>(`tasks/${task.parent_task_id}?include_subtasks=true`);
    expect(parent).toMatchObject({ title: 'A session', description: 'Do it', subtasks: [{ id: task.id }] });
    expect((await get<TaskList>(`tasks?session_id=${session}`)).items).toHaveLength(2);
    expect((await get<TaskList>(`sessions/${session}/tasks?page_size=1`)).next_cursor).not.toBeNull();
  });

  it.each([
    ['of another session', async (other: string) => ({ depends_on: [other.replace(/0$/, '1')] }), 'depends_on.0'],
    [
      'under a parent of another session',
      async (other: string) => ({ parent_task_id: other.replace(/0$/, '1') }),
      'parent_task_id',
    ],
    ['without a title', async () => ({ title: '' }), 'title'],
    [
      'with an estimate that shrinks',
      async () => ({ estimate: { optimistic_hours: 3, likely_hours: 2, pessimistic_hours: 1 } }),
      'estimate',
    ],
  ])('%s is refused with its member, and nothing changes', async (_, changes, path) => {
    const { get, send, sessionOf, session } = await withSession();
    const refused = await send('tasks', { ...TASK, session_id: session, ...(await changes(await sessionOf())) });
    expect(refused.status).toBe(422);
    expect(((await refused.json()) as Problem).errors?.map((error) => error.path)).toContain(path);
    expect((await get<TaskList>(`sessions/${session}/tasks`)).items).toHaveLength(1);
  });

  it('is not listed without a session', async () => {
    const { get } = await withSession();
    expect(await get<Problem>('tasks')).toMatchObject({ status: 422, errors: [{ path: 'session_id' }] });
  });
});

describe('a graph over HTTP', () => {
  it('is created once for an idempotency key, and read with a prediction', async () => {
    const token = await signToken('operator', newWorkspace());
    const created = await ask('/api/v1/sessions', { token, body: { title: 'A session', initial_prompt: 'Do it' } });
    const { id } = (await created.json()) as { id: string };
    const body = {
      tasks: [
        { ...TASK, name: 'a' },
        { ...TASK, depends_on: ['a'] },
      ],
    };
    const headers = { 'Idempotency-Key': 'once' };
    const answers = [];
    for (let time = 0; time < 2; time++) {
      const answer = await ask(`/api/v1/sessions/${id}/tasks`, { token, body, headers });
      expect(answer.status).toBe(201);
      answers.push((await answer.json()) as GraphCreated);
    }
    expect(answers[0]).toEqual(answers[1]);
    const graph = (await (await ask(`/api/v1/sessions/${id}/graph?agents=2`, { token })).json()) as SessionGraph;
    expect(graph).toMatchObject({ agents: 2, graph_version: 2, critical_path: answers[0]!.task_ids });
    expect(graph.nodes).toHaveLength(3);
  });

  it('is refused with the cycle that it has, and when it is meant for another version', async () => {
    const { send, session } = await withSession();
    const cycle = [
      { ...TASK, name: 'a', depends_on: ['b'] },
      { ...TASK, name: 'b', depends_on: ['a'] },
    ];
    const refused = await send(`sessions/${session}/tasks`, { tasks: cycle });
    expect([refused.status, ((await refused.json()) as Problem).code]).toEqual([409, 'dependency_cycle']);
    const stale = await send(`sessions/${session}/tasks`, { tasks: [TASK], graph_version: 3 });
    expect([stale.status, ((await stale.json()) as Problem).code]).toEqual([409, 'stale_graph']);
  });
});
