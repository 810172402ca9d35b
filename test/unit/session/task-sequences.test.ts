import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readBlockage } from '../../../durable-objects/session/rows.ts';
import { closedGateOf } from '../../../src/domain/graph/gates.ts';
import { canMove, hasEnded, isWorking, legalActions, nextStatus } from '../../../src/domain/session/session-machine.ts';
import { isWorkedOn, sessionStatus } from '../../../src/domain/session/session-status.ts';
import { TaskCounts } from '../../../src/domain/session/task-counts.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { runs } from '../../support/seeds.ts';
import { anyAcyclic } from '../domain/graph/graph.arbitrary.ts';
import { type FakeAgent, result } from './fake-agent.ts';
import { SessionInProcess, unwrap } from './harness.ts';
import { anEdit, answer, aStep, newTask, take } from './task-steps.ts';

/** The invariants that hold after every step. */
async function check(session: SessionInProcess): Promise<void> {
  const { graph, records } = session.runtime.parts;
  const leaves = graph.leaves();
  const { status, intent } = records.session();
  expect(status, 'the status follows from the tasks').toBe(sessionStatus(TaskCounts.of(leaves), intent, status));
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
        const { status: end, intent } = records.session();
        // The action `complete` ends a session also with tasks that were not reached.
        if (end === 'completed' && intent !== 'complete')
          for (const row of records.tasks()) expect(row.cause, 'no unreached task').toBeNull();
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
