import type { TaskRow } from '../records.ts';

/** The row of a new task, which stays pending until the session runs. */
export function newTaskRow(number: number, title: string, place: Partial<TaskRow> = {}): TaskRow {
  return {
    number,
    title,
    kind: 'work',
    gate: null,
    blocked_by: null,
    status: 'pending',
    epoch: 1,
    attempts_used: 0,
    restore: 'last',
    refused_by: '[]',
    setback: null,
    degraded_by: null,
    outcome: null,
    error: null,
    retry: null,
    handed_back: 0,
    reserved_at: null,
    handed_out: '[]',
    last_assignment: null,
    parent: null,
    depends_on: '[]',
    priority: 'normal',
    hours: null,
    max_attempts: null,
    cause: null,
    started_at: null,
    ended_at: null,
    work: null,
    start: null,
    timeout_seconds: null,
    aside: 0,
    ...place,
  };
}
