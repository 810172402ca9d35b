import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readBlockage } from '../../../durable-objects/session/graph/gates.ts';
import { closedGateOf } from '../../../src/domain/graph/gates.ts';
import type { GraphTask } from '../../../src/domain/graph/task-graph.ts';
import { canMove, hasEnded, isWorking, legalActions, nextStatus } from '../../../src/domain/session/session-machine.ts';
import { isWorkedOn, sessionStatus } from '../../../src/domain/session/session-status.ts';
import { TaskCounts } from '../../../src/domain/session/task-counts.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import type { TaskChange } from '../../../src/ports/sessions.ts';
import { DependencyType, SessionAction } from '../../../src/protocol/common/enums.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { NewTask } from '../../../src/protocol/session/task-requests.ts';
import { runs } from '../../support/seeds.ts';
import { anyAcyclic } from '../domain/graph/graph.arbitrary.ts';
import { requestFor } from './actions.fixture.ts';
import { type FakeAgent, failure, modelRetry, note, released, result } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

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
type Step =
  | { type: 'claim'; task: number }
  | { type: 'frame'; task: number; frame: number }
  | { type: 'vanish'; task: number }
  | { type: 'wait'; ms: number }
  | { type: 'act'; action: SessionAction }
  | { type: 'edit'; task: number; other: number; kind: number }
  | { type: 'answer'; decision: 'once' | 'reject' };

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
const anEdit = fc.record({
  type: fc.constant('edit' as const),
  task: aTask,
  other: aTask,
  // The last kind removes the task.
  kind: fc.nat({ max: EDITS.length }),
});
const aStep: fc.Arbitrary<Step> = fc.oneof(
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

async function take(session: SessionInProcess, agents: Map<number, FakeAgent>, step: Step, count: number) {
  if (step.type === 'wait') return session.advance(step.ms);
  if (step.type === 'act') return session.tryTo(requestFor(step.action));
  if (step.type === 'answer') return answer(session, step.decision);
  const task = ((step.task - 1) % count) + 1;
  if (step.type === 'edit') return edit(session, task, ((step.other - 1) % count) + 1, step.kind);
  if (!session.task(task)) return;
  if (step.type === 'claim') {
    if (session.task(task).reserved_at !== null) agents.set(task, session.agentOf(task).connect());
  } else if (step.type === 'frame') agents.get(task)?.send(FRAMES[step.frame]!);
  else agents.get(task)?.client?.vanish();
}

/** Answers the oldest open approval, if there is one. */
async function answer(session: SessionInProcess, decision: 'once' | 'reject'): Promise<void> {
  const [first] = unwrap(await session.runtime.approvals(session.call())).items;
  if (first?.status === 'open') unwrap(await session.runtime.answer(session.call(), first.id, { decision }));
}

/** Changes a task. Many changes are refused, but none fails. */
async function edit(session: SessionInProcess, task: number, other: number, kind: number): Promise<void> {
  const [id, otherId] = [taskIdOf(SESSION_ID, task), taskIdOf(SESSION_ID, other)];
  const change = EDITS[kind];
  if (change) await session.runtime.changeTask(session.call(), id, change(otherId));
  else await session.runtime.removeTask(session.call(), id, { cascade: other % 2 === 0 });
}

/** The invariants that hold after every step. */
async function check(session: SessionInProcess): Promise<void> {
  const { graph, records } = session.runtime.parts;
  const leaves = graph.leaves();
  const { status, intent } = records.session();
  expect(status, 'the status follows from the tasks').toBe(sessionStatus(TaskCounts.of(leaves), intent));
  const leases = records.liveLeases();
  const closed = leaves.filter((task) => isFinal(task) && leases.some((lease) => lease.task === task.number));
  expect(
    leaves.filter((task) => isWorkedOn(task) || closed.includes(task)).map(({ number }) => number),
    'a task is worked on exactly while somebody holds its lease, except for a last checkpoint',
  ).toEqual(leases.map(({ task }) => task));
  for (const { number } of closed) expect(session.dueAt(`lease:${number}`), 'an end').not.toBeNull();
  for (const task of leaves) {
    const { number, setback, reserved_at } = task;
    expect(session.dueAt(`reserve:${number}`) !== null, 'a way on').toBe(reserved_at !== null);
    if (setback !== null) expect(session.dueAt(`requeue:${number}`), 'a way on').not.toBeNull();
    if (isWorkedOn(task)) expect(session.dueAt(`lease:${number}`), 'a way on').not.toBeNull();
    const isLimited = task.timeout_seconds !== null && leases.some((lease) => lease.task === number);
    expect(session.dueAt(`timeout:${number}`) !== null, 'a limit, while an agent has it').toBe(isLimited);
  }
  const asked = session.rows<{ id: string }>('approvals', `status = 'open'`).map(({ id }) => id);
  const waited = leaves.flatMap((task) => readBlockage(task)?.approval_id ?? []);
  expect(new Set(asked), 'a person is asked exactly for what blocks a task').toEqual(new Set(waited));
  for (const task of leaves) {
    expect(task.blocked_by !== null, 'a blocked task says why').toBe(task.status === 'blocked');
    const isKept = closedGateOf(task.number, (number) => records.task(number)) !== null;
    if (isKept) expect(['ready', 'assigned', 'in_progress'], 'no gate is passed').not.toContain(task.status);
  }
  for (const id of asked) expect(session.dueAt(`approval:${id}`), 'an end').not.toBeNull();
  const busy = leaves.filter((task) => isWorkedOn(task) || task.reserved_at !== null).length;
  const { max_parallel } = records.spec();
  expect(busy, 'no more than may run at a time').toBeLessThanOrEqual(max_parallel);
  const waits = leaves.some((task) => task.status === 'ready' && task.reserved_at === null);
  if (waits) expect(busy, 'a task waits for its turn only if that many run').toBe(max_parallel);
  const mayStart = leaves.some(
    (task) => task.status === 'pending' && task.setback === null && graph.live.mayStart(task.number),
  );
  if (intent === 'run') expect(mayStart, 'a task that may start is ready').toBe(false);
  expect(session.dueAt('max_duration') !== null, 'the clock runs while an agent works').toBe(isWorking(status));
  const moves = (await session.events()).flatMap((event) => (event.type === 'session.status' ? [event.data] : []));
  for (const { from, to } of moves) expect(canMove(from, to), `${from} → ${to}`).toBe(true);
  expect((await session.folded()).status).toBe(status);
  expect((await session.view()).legal_actions).toEqual(legalActions(status));
}

/** A task of a request, with its relations to the others. */
function newTask({ number, parent, depends_on, priority, hours }: GraphTask): NewTask {
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

it('a session follows any graph by legal transitions, for any sequence of events, and ends when agents do the rest', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyAcyclic,
      fc.array(fc.oneof({ weight: 3, arbitrary: aStep }, { weight: 1, arbitrary: anEdit }), { maxLength: 30 }),
      fc.boolean(),
      async (tasks, steps, evictBetweenSteps) => {
        const session = new SessionInProcess({ evictBetweenSteps });
        const agents = new Map<number, FakeAgent>();
        await session.create({ max_attempts: 2, max_parallel: 3 });
        unwrap(await session.runtime.createTasks(session.call(), { tasks: tasks.map(newTask) }));
        await session.act('start');
        await check(session);
        for (const step of steps) {
          await take(session, agents, step, tasks.length + 1);
          await check(session);
        }
        for (let rounds = 0; !hasEnded(session.runtime.parts.records.session().status); rounds++) {
          expect(rounds, 'none waits for ever').toBeLessThan(3 * tasks.length + 6);
          const { status } = session.runtime.parts.records.session();
          if (nextStatus(status, 'resume') !== null) await session.act('resume');
          for (let open = tasks.length; open > 0; open--) await answer(session, 'once');
          for (const task of session.runtime.parts.graph.leaves()) {
            if (task.reserved_at !== null) agents.set(task.number, session.agentOf(task.number).connect());
            else if (isWorkedOn(task)) agents.get(task.number)!.connect();
          }
          for (const agent of agents.values()) agent.send(result(99));
          await session.advance(61_000);
          await check(session);
        }
        const { records } = session.runtime.parts;
        const { status: end } = records.session();
        if (end === 'completed') for (const row of records.tasks()) expect(row.cause, 'no unreached task').toBeNull();
        const statuses = session.runtime.parts.records.tasks().map((task) => task.status);
        expect(
          statuses.every((one) => isFinal({ status: one })) || ['timeout', 'stopped'].includes(await session.status()),
        ).toBe(true);
      },
    ),
    runs(60),
  );
});

it('a session follows one to five tasks by legal transitions, for any sequence of events', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(aStep, { minLength: 5, maxLength: 40 }),
      async (count, steps) => {
        const session = new SessionInProcess();
        const agents = new Map<number, FakeAgent>();
        await session.createWithTasks(count, { max_attempts: 2 });
        await session.act('start');
        for (const step of steps) {
          await take(session, agents, step, count);
          await check(session);
        }
      },
    ),
    runs(30),
  );
});
