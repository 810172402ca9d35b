import { describe, expect, it } from 'vitest';
import { DIAMOND, done, hours, id } from './diamond.fixture.ts';
import { result } from './fake-agent.ts';
import { failureOf, SessionInProcess, TASK_ID, unwrap } from './harness.ts';

describe('the view of a graph', () => {
  it('has levels, the critical path, slack, and what more agents would change', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.addTasks(...DIAMOND);
    const graph = unwrap(await session.runtime.graph(session.call()));
    expect(graph.levels).toEqual([[id(1), id(2)], [id(3), id(4)], [id(5)]]);
    expect(graph.critical_path).toEqual([id(2), id(4), id(5)]);
    expect(graph.critical_path_hours).toBe(7);
    expect(graph.nodes.find(({ task_id }) => task_id === id(3))).toMatchObject({ slack_hours: 3, estimated_hours: 2 });
    expect(graph.edges).toHaveLength(4);
    const finishWith = async (agents: number) => {
      const { at, predicted_finish_at } = unwrap(await session.runtime.graph(session.call(), agents));
      return (Date.parse(predicted_finish_at) - Date.parse(at)) / 3_600_000;
    };
    expect(await finishWith(1)).toBe(9);
    expect(await finishWith(2)).toBe(7);
  });

  it('corrects the estimates of tasks by what others of their kind took, and predicts with that', async () => {
    const session = new SessionInProcess();
    await session.create();
    const of = (capability: 'testing' | 'documentation') => ({
      estimate: hours(1),
      required_capabilities: [capability],
    });
    await session.addTasks(of('testing'), of('testing'), of('testing'), of('documentation'), {
      required_capabilities: ['testing'],
    });
    await session.act('start');
    const agents = [2, 3].map((task) => session.agentOf(task).connect());
    for (let minute = 0; minute < 30; minute++) {
      for (const agent of agents) await agent.ping(30_000);
    }
    for (const agent of agents) agent.send(result(99, { text: 'Done.' }));
    const graph = unwrap(await session.runtime.graph(session.call(), 1));
    const node = (number: number) => graph.nodes.find(({ task_id }) => task_id === id(number))!;
    // Two results at half of the estimate, with the weight of four that were right.
    expect(node(4)).toMatchObject({ estimated_hours: 1, confidence: 2 / 6 });
    expect(node(4).corrected_hours).toBeCloseTo(0.5 ** (2 / 6), 2);
    expect(node(5)).toMatchObject({ estimated_hours: 1, corrected_hours: 1, confidence: 0 });
    expect(node(6)).toMatchObject({ estimated_hours: null, corrected_hours: null });
    const left = (Date.parse(graph.predicted_finish_at) - Date.parse(graph.at)) / 3_600_000;
    expect(left, 'with an hour for the task without an estimate').toBeCloseTo(0.5 ** (2 / 6) + 1 + 1, 1);
  });

  it('counts only the remaining hours of a task that is worked on, and none once its estimate is used up', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.addTasks({ estimate: hours(1) });
    await session.act('start');
    const agent = session.agentOf(2).connect();
    const remaining = async () => unwrap(await session.runtime.graph(session.call())).critical_path_hours;
    await agent.ping(1_800_000);
    expect(await remaining()).toBeCloseTo(0.5, 1);
    await agent.ping(1_800_000);
    await agent.ping(1_800_000);
    expect(await remaining()).toBe(0);
  });
});

it('a task is read with its estimate, its complexity, its result and its subtasks', async () => {
  const session = new SessionInProcess();
  await session.create();
  await session.addTasks({ estimate: { optimistic_hours: 1, likely_hours: 4, pessimistic_hours: 13 } });
  await session.act('start');
  done(session, 2, 'It is done.');
  const task = unwrap(await session.runtime.task(session.call(), TASK_ID, true));
  expect(task).toMatchObject({ description: 'Do it', status: 'completed', complexity_level: 'moderate' });
  expect(task.subtasks).toMatchObject([
    { estimated_hours: 5, complexity_level: 'complex', deviation_hours: 2, result: { text: 'It is done.' } },
  ]);
  expect(failureOf(await session.runtime.task(session.call(), id(9), false)).code).toBe('not_found');
  const page = unwrap(await session.runtime.tasks(session.call(), { page_size: 1 }));
  expect(page.items.map((item) => item.id)).toEqual([TASK_ID]);
  expect(page.next_cursor).not.toBeNull();
});
