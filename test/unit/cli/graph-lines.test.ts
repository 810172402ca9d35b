import { expect, it } from 'vitest';
import { graphLines } from '../../../cli/graph-lines.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { SessionGraph, TaskView } from '../../../src/protocol/session/task.ts';

const ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const idOf = (number: number) => taskIdOf(ID, number);
const AT = '2026-11-22T15:00:00.000Z';

const node = (number: number, level: number, changes: Partial<SessionGraph['nodes'][number]> = {}) => ({
  task_id: idOf(number),
  title: `Task ${number}`,
  status: 'pending' as const,
  parent_task_id: null,
  level,
  estimated_hours: 1,
  corrected_hours: 1,
  confidence: 0,
  slack_hours: 0,
  predicted_start_at: AT,
  predicted_finish_at: '2026-11-22T17:00:00.000Z',
  ...changes,
});

const GRAPH: SessionGraph = {
  graph_version: 1,
  at: AT,
  agents: 1,
  nodes: [
    node(1, 0, { status: 'completed' }),
    node(2, 0, { slack_hours: 1.5, title: 'Evil \u001b[31mtitle' }),
    node(3, 1),
  ],
  edges: [
    { task_id: idOf(1), dependent_task_id: idOf(3), dependency_type: 'finish_to_start', is_required: true },
    { task_id: idOf(2), dependent_task_id: idOf(3), dependency_type: 'finish_to_start', is_required: true },
  ],
  levels: [[idOf(1), idOf(2)], [idOf(3)]],
  critical_path: [idOf(3)],
  critical_path_hours: 2,
  predicted_finish_at: '2026-11-22T17:00:00.000Z',
};

it('a graph is shown by levels, with the agent, what each task waits for, its slack and the critical path', () => {
  const tasks = [{ id: idOf(1), agent_name: 'AGENT-ONE', blocked_by: null }] as unknown as TaskView[];
  expect(graphLines(GRAPH, tasks)).toEqual([
    'level 0',
    '    1 Task 1  completed  AGENT-ONE',
    '    2 Evil title  pending  ends in 2 h, slack 1.5 h',
    'level 1',
    '  * 3 Task 3  pending  after 1, 2, ends in 2 h',
    '',
    '* critical path: 3 (2.0 h)',
    '  expected to end in 2 h with 1 agent at a time',
  ]);
});

it('a graph whose tasks have all ended has no critical path', () => {
  expect(graphLines({ ...GRAPH, critical_path: [] }, []).at(-1)).toBe('All tasks have ended.');
});

it('a task with subtasks has no end and no slack of its own', () => {
  const nodes = [node(1, 0, { slack_hours: 1 }), node(2, 0, { parent_task_id: idOf(1) })];
  expect(graphLines({ ...GRAPH, nodes, edges: [], levels: [[idOf(1), idOf(2)]] }, []).slice(1, 3)).toEqual([
    '    1 Task 1  pending',
    '    2 Task 2  pending  part of 1, ends in 2 h',
  ]);
});
