import { describe, expect, it, test } from 'vitest';
import { afterText, factsOf, taskLogs, waitText } from '../../../dashboard/src/pages/session/task-words.ts';
import { applyEvents, emptyState } from '../../../src/domain/session/session-state.ts';
import type { DependencyType } from '../../../src/protocol/common/enums.ts';
import type { EventBody } from '../../../src/protocol/events/envelope.ts';
import { TaskView } from '../../../src/protocol/session/task.ts';

const EXAMPLE = (TaskView().meta() as { example: TaskView }).example;
const task = (change: Partial<TaskView>): TaskView => ({ ...EXAMPLE, depends_on: [], waiting_on: [], ...change });
const titleOf = (id: string) => `title ${id}`;
const on = (task_id: string, dependency_type: DependencyType = 'finish_to_start', is_required = true) => ({
  task_id,
  dependency_type,
  is_required,
});

describe('what a task comes after', () => {
  it('is said of an ended task too, by its type, and whether it is required', () => {
    const depends_on = [on('a'), on('b', 'start_to_start'), on('c', 'finish_to_finish', false)];
    expect(afterText(task({ status: 'completed', depends_on }), titleOf)).toBe(
      'After “title a”, the start of “title b”, ends after “title c” (not required).',
    );
  });

  it('is counted if it is much', () => {
    const depends_on = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => on(id));
    expect(afterText(task({ depends_on }), titleOf)).toMatch(/“title d” and 2 more\.$/);
    expect(afterText(task({}), titleOf)).toBeNull();
  });
});

test.each<[string, Partial<TaskView>, string | null]>([
  ['waits for all that it comes after', { depends_on: [on('a')], waiting_on: ['a'] }, null],
  ['waits for some', { depends_on: [on('a'), on('b')], waiting_on: ['b'] }, 'Waits for “title b”.'],
  ['waits with its parent', { waiting_on: ['b'] }, 'Waits for “title b”.'],
  [
    'is done, and may not end',
    { status: 'in_progress', waiting_on: ['b'] },
    'Its work is done. It waits for “title b”.',
  ],
  ['was skipped', { status: 'skipped', caused_by: 'a' }, 'Not done, because of “title a”.'],
  ['has ended', { status: 'completed', waiting_on: ['b'] }, null],
])('a task that %s says what holds it up', (_, change, text) => {
  expect(waitText(task(change), titleOf)).toBe(text);
});

it('a task shows its kind, its agent, and the time that it took beside the estimate', () => {
  const started_at = '2026-11-22T15:00:00.000Z';
  const change = { kind: 'integrate', agent_name: 'AGENT-ONE', attempt: 2, started_at } as const;
  expect(factsOf(task({ ...change, ended_at: '2026-11-22T15:01:05.000Z' }))).toEqual([
    'merges the work',
    'AGENT-ONE',
    'attempt 2',
    'took 1m 05s',
    'estimated 2.0 h',
  ]);
  expect(factsOf(task({ started_at: null, estimated_hours: null }))).toEqual([]);
});

it('the log says of each task how its newest checks ended, what was remarked, and how it was split', () => {
  const check = { index: 0, command: 'npm test' };
  const ended = { ...check, outcome: 'failed', exit_code: 1, ms: 5, output: '', cut_chars: 0 } as const;
  const split = { state: 'applied', strategy: 'template', template: 'crud', attempt: 2, reason: 'a cycle' } as const;
  const bodies: [number, EventBody][] = [
    [1, { type: 'task.decomposition', data: split }],
    [2, { type: 'check.started', data: { ...check, round: 1, timeout_seconds: 60 } }],
    [2, { type: 'check.ended', data: { ...ended, round: 1 } }],
    [2, { type: 'check.started', data: { ...check, round: 2, timeout_seconds: 60 } }],
    [2, { type: 'task.strayed', data: { path: 'a.txt' } }],
    [2, { type: 'agent.note', data: { level: 'info', text: 'The work starts.' } }],
    [2, { type: 'task.status', data: { from: 'ready', to: 'in_progress', epoch: 1, attempt: 1 } }],
  ];
  const events = bodies.map(([number, body], index) => {
    const position = { from_seq: index + 1, seq: index + 1, at: '2026-11-22T15:00:00.000Z', task: number };
    return { ...position, ...body };
  });
  const logs = taskLogs(applyEvents(emptyState(), events));
  const words = 'The task is split by the template crud. The plan of the agent was not used: a cycle';
  expect(logs.get(1)).toEqual({ checks: [], remarks: [], split: words });
  expect(logs.get(2)).toMatchObject({
    checks: [{ round: 2, command: 'npm test', outcome: null }],
    remarks: ['a.txt is not among the files that the task is expected to change.'],
    split: null,
  });
});
