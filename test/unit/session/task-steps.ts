import fc from 'fast-check';
import type { GraphTask } from '../../../src/domain/graph/task-graph.ts';
import type { TaskChange } from '../../../src/ports/sessions.ts';
import { DependencyType, SessionAction } from '../../../src/protocol/common/enums.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { DeliverRequest } from '../../../src/protocol/session/deliver.ts';
import { NewTask } from '../../../src/protocol/session/task-requests.ts';
import { requestFor } from './actions.fixture.ts';
import { checkpoint, conflict, type FakeAgent, failure, modelRetry, note, released, result } from './fake-agent.ts';
import { SESSION_ID, type SessionInProcess, unwrap } from './harness.ts';

const FRAMES = [
  note('on it'),
  modelRetry(),
  failure(true),
  failure(false),
  result(99),
  result(99, { status: 'partial' }),
  released('paused'),
  released('shutdown'),
  released('refused'),
  released('lost'),
];

/** One event of a session: of a task, of the time, or by an action. */
export type Step =
  | { type: 'claim'; task: number }
  | { type: 'frame'; task: number; frame: number }
  | { type: 'vanish'; task: number }
  | { type: 'wait'; ms: number }
  | { type: 'act'; action: SessionAction }
  | { type: 'edit'; task: number; other: number; kind: number }
  | { type: 'answer'; decision: 'once' | 'reject' }
  | { type: 'work'; task: number }
  | { type: 'conflict'; task: number }
  | { type: 'deliver'; task: number };

/** Changes of a task by people, of which many are refused. */
const EDITS: ((other: string) => TaskChange)[] = [
  () => ({ type: 'status', body: { status: 'completed' } }),
  () => ({ type: 'status', body: { status: 'failed' } }),
  () => ({ type: 'status', body: { status: 'cancelled' } }),
  () => ({ type: 'status', body: { status: 'skipped' } }),
  () => ({ type: 'retry', body: { with_dependents: false } }),
  () => ({ type: 'retry', body: { with_dependents: true } }),
  () => ({ type: 'update', body: { priority: 'blocker', description: 'Do it better' } }),
  () => ({ type: 'update', body: { requires_approval: true } }),
  () => ({ type: 'update', body: { requires_approval: false } }),
  ...DependencyType().options.map((dependency_type) => (depends_on_task_id: string): TaskChange => {
    return { type: 'add_dependency', body: { depends_on_task_id, dependency_type, is_required: true } };
  }),
  (depends_on_task_id) => ({ type: 'remove_dependency', body: { depends_on_task_id } }),
];

const aTask = fc.integer({ min: 1, max: 10 });
export const anEdit = fc.record({
  type: fc.constant('edit' as const),
  task: aTask,
  other: aTask,
  // The last kind removes the task.
  kind: fc.nat({ max: EDITS.length }),
});
export const aStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('claim' as const), task: aTask }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('frame' as const),
      task: aTask,
      frame: fc.nat({ max: FRAMES.length - 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('vanish' as const), task: aTask }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('answer' as const),
      decision: fc.constantFrom('once' as const, 'once' as const, 'reject' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 30_000, 60_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('act' as const), action: fc.constantFrom(...SessionAction().options) }),
  },
);

/** Steps with work, with conflicts of works, and with deliveries. */
export const aStepOfWork: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('work' as const), task: aTask }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('conflict' as const), task: aTask }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('deliver' as const), task: aTask }) },
);

/** Lets one step happen. */
export async function take(session: SessionInProcess, agents: Map<number, FakeAgent>, step: Step, count: number) {
  if (step.type === 'wait') return session.advance(step.ms);
  if (step.type === 'act') return session.tryTo(requestFor(step.action));
  if (step.type === 'answer') return answer(session, step.decision);
  const task = ((step.task - 1) % count) + 1;
  if (step.type === 'edit') return edit(session, task, ((step.other - 1) % count) + 1, step.kind);
  if (step.type === 'deliver') {
    return void (await session.runtime.deliver(session.call(), DeliverRequest().parse({ branch: `b${task}` })));
  }
  if (!session.task(task)) return;
  if (step.type === 'work' || step.type === 'conflict') return work(session, agents, task, step.type);
  if (step.type === 'claim') {
    if (session.task(task).reserved_at !== null) agents.set(task, session.agentOf(task).connect());
  } else if (step.type === 'frame') agents.get(task)?.send(FRAMES[step.frame]!);
  else agents.get(task)?.client?.vanish();
}

/** Answers the oldest open approval, if there is one. A person takes the first side of each conflict. */
export async function answer(session: SessionInProcess, decision: 'once' | 'reject'): Promise<void> {
  const [first] = unwrap(await session.runtime.approvals(session.call())).items;
  if (first?.status !== 'open') return;
  const answers = first.questions.map(({ options }) => [options[0]!.label]);
  const request = { decision, ...(decision === 'once' && answers.length > 0 && { answers }) };
  unwrap(await session.runtime.answer(session.call(), first.id, request));
}

/** Changes a task. Many changes are refused, but none fails. */
async function edit(session: SessionInProcess, task: number, other: number, kind: number): Promise<void> {
  const [id, otherId] = [taskIdOf(SESSION_ID, task), taskIdOf(SESSION_ID, other)];
  const change = EDITS[kind];
  if (change) await session.runtime.changeTask(session.call(), id, change(otherId));
  else await session.runtime.removeTask(session.call(), id, { cascade: other % 2 === 0 });
}

/** Lets an agent take a task, if it asks for one; then it does the task, or reports a conflict of what it starts from. */
function work(session: SessionInProcess, agents: Map<number, FakeAgent>, task: number, end: 'work' | 'conflict'): void {
  if (session.task(task).reserved_at !== null) agents.set(task, session.agentOf(task).connect());
  const agent = agents.get(task);
  const [one, other] = agent?.assignment?.start?.from ?? [];
  if (end === 'conflict' && one !== undefined && other !== undefined) agent!.send(conflict([one], other, 'a.txt'));
  else {
    const name = `work ${task} ${agent?.epoch} ${agent?.head}`;
    agent?.send(...checkpoint(name, { messages_done: 0, commit: `commit of ${name}` }), result(99));
  }
}

/** A task of a request, with its relations to the others. */
export function newTask({ number, parent, depends_on, priority, hours }: GraphTask): NewTask {
  return NewTask().parse({
    requires_approval: number % 4 === 0,
    ...(number % 3 === 0 && { timeout_seconds: 45 }),
    name: `t${number}`,
    title: `Task ${number}`,
    description: `Do part ${number}`,
    priority,
    estimate: { optimistic_hours: hours, likely_hours: hours, pessimistic_hours: hours },
    parent: parent === null ? null : `t${parent}`,
    depends_on: depends_on.map(({ task, ...how }) => ({ task: `t${task}`, ...how })),
  });
}
