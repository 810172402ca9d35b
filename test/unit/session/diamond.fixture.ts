import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { result } from './fake-agent.ts';
import { SESSION_ID, type SessionInProcess } from './harness.ts';

/** The id of a task of the session. */
export const id = (number: number) => taskIdOf(SESSION_ID, number);

/** An estimate without spread. */
export const hours = (likely: number) => ({
  optimistic_hours: likely,
  likely_hours: likely,
  pessimistic_hours: likely,
});

/** A → B, A → C, (B, C) → D under the session's own task, which is number 1. */
export const DIAMOND = [
  { name: 'a', title: 'First of all', estimate: hours(1) },
  { name: 'b', depends_on: ['a'], estimate: hours(2) },
  { name: 'c', depends_on: ['a'], estimate: hours(5) },
  { name: 'd', depends_on: ['b', 'c'], estimate: hours(1) },
];

export const statuses = (session: SessionInProcess) =>
  session.runtime.parts.records.tasks().map(({ status }) => status);

/** Lets an agent do the task. */
export const done = (session: SessionInProcess, task: number, text = `Did ${task}.`) =>
  session.agentOf(task).connect().send(result(99, { text }));
