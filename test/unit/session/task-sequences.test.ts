import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canMove, isWorking, legalActions } from '../../../src/domain/session/session-machine.ts';
import { isFinal, sessionStatus } from '../../../src/domain/session/session-status.ts';
import { SessionAction } from '../../../src/protocol/common/enums.ts';
import { runs } from '../../support/seeds.ts';
import { requestFor } from './actions.fixture.ts';
import { type FakeAgent, failure, modelRetry, note, released, result } from './fake-agent.ts';
import { SessionInProcess } from './harness.ts';

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
  | { type: 'act'; action: SessionAction };

const aTask = fc.integer({ min: 1, max: 5 });
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
  const task = ((step.task - 1) % count) + 1;
  if (step.type === 'claim') {
    if (session.task(task).status === 'ready') agents.set(task, session.agentOf(task).connect());
  } else if (step.type === 'frame') agents.get(task)?.send(FRAMES[step.frame]!);
  else agents.get(task)?.client?.vanish();
}

/** The invariants that hold after every step. */
async function check(session: SessionInProcess): Promise<void> {
  const tasks = session.runtime.parts.records.tasks();
  const { status, intent } = session.runtime.parts.records.session();
  expect(status, 'the status follows from the tasks').toBe(sessionStatus(tasks, intent));
  const leases = session.runtime.parts.records.liveLeases();
  const closed = tasks.filter((task) => isFinal(task) && leases.some((lease) => lease.task === task.number));
  expect(
    tasks.filter((task) => task.status === 'in_progress' || closed.includes(task)).map(({ number }) => number),
    'a task is worked on exactly while somebody holds its lease, except for a last checkpoint',
  ).toEqual(leases.map(({ task }) => task));
  for (const { number } of closed) expect(session.dueAt(`lease:${number}`), 'an end').not.toBeNull();
  for (const { number, status, setback } of tasks) {
    if (status === 'ready') expect(session.dueAt(`reserve:${number}`), 'a way on').not.toBeNull();
    if (setback !== null) expect(session.dueAt(`requeue:${number}`), 'a way on').not.toBeNull();
    if (status === 'in_progress') expect(session.dueAt(`lease:${number}`), 'a way on').not.toBeNull();
  }
  expect(session.dueAt('max_duration') !== null, 'the clock runs while an agent works').toBe(isWorking(status));
  const moves = (await session.events()).flatMap((event) => (event.type === 'session.status' ? [event.data] : []));
  for (const { from, to } of moves) expect(canMove(from, to), `${from} → ${to}`).toBe(true);
  expect((await session.folded()).status).toBe(status);
  expect((await session.view()).legal_actions).toEqual(legalActions(status));
}

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
