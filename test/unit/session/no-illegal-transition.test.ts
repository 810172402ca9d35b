import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Logger } from '../../../src/ports/logger.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { runs } from '../../support/seeds.ts';
import { anyAcyclic } from '../domain/graph/graph.arbitrary.ts';
import { requestFor } from './actions.fixture.ts';
import { checkpoint, conflict, type FakeAgent, failure, result } from './fake-agent.ts';
import { type NewTask, SESSION_ID, SessionInProcess, unwrap } from './harness.ts';
import { anEdit, answer, aStep, aStepOfWork, newTask, take } from './task-steps.ts';

/** A session, and the names of the errors that it logs: of deadlines and frames that have thrown. */
function watched(): { session: SessionInProcess; errors: unknown[] } {
  const platform = new NodePlatform();
  const errors: unknown[] = [];
  const logger: Logger = (level, event, fields) => void (level === 'error' && errors.push({ event, ...fields }));
  platform.logger = logger;
  return { session: new SessionInProcess({ platform }), errors };
}

async function started(session: SessionInProcess, tasks: NewTask[], changes = {}): Promise<void> {
  await session.create({ max_parallel: 8, ...changes });
  await session.addTasks(...tasks);
  await session.act('start');
}

const statuses = (session: SessionInProcess) => session.rows<{ status: string }>('tasks').map(({ status }) => status);
const edit = (session: SessionInProcess, task: number, status: 'completed' | 'cancelled') =>
  session.runtime.changeTask(session.call(), taskIdOf(SESSION_ID, task), { type: 'status', body: { status } });
function work(session: SessionInProcess, task: number): void {
  session
    .agentOf(task)
    .connect()
    .send(...checkpoint(`work ${task}`, { messages_done: 0 }), result(99));
}

it('a stopped session stays stopped when its last task is rejected, and goes on when it is retried', async () => {
  const { session } = watched();
  await started(session, [{}, {}, { requires_approval: true }]);
  work(session, 2);
  work(session, 3);
  await session.act(requestFor('stop'));
  await answer(session, 'reject');
  expect(statuses(session).slice(1)).toEqual(['completed', 'completed', 'cancelled']);
  expect(await session.status()).toBe('stopped');
  await session.act(requestFor('retry'));
  expect(session.task(5)).toMatchObject({ kind: 'integrate', status: 'ready' });
  work(session, 5);
  expect(await session.status()).toBe('partially_completed');
});

it('an approval of a stopped session expires once, and a retry asks again', async () => {
  const { session, errors } = watched();
  await started(session, [{}, { requires_approval: true }], { approval_timeout_seconds: 60 });
  work(session, 2);
  await session.act(requestFor('stop'));
  await session.advance(600_000);
  expect(errors).toEqual([]);
  expect((await session.view()).approvals).toMatchObject([{ status: 'expired' }]);
  expect([await session.status(), session.task(3).status]).toEqual(['stopped', 'failed']);
  await session.act(requestFor('retry'));
  expect(session.task(3).status).toBe('blocked');
});

it('a person can refuse to resolve a conflict of a stopped session', async () => {
  const { session } = watched();
  await started(session, [{ name: 'a' }, { name: 'b' }, { depends_on: ['a', 'b'] }]);
  for (const task of [2, 3]) work(session, task);
  session
    .agentOf(4)
    .connect()
    .send(conflict([1], 2, 'x'));
  await session.act(requestFor('stop'));
  await answer(session, 'reject');
  expect([await session.status(), session.task(4).status]).toEqual(['stopped', 'failed']);
});

it('a retry that finds nothing to do ends by what was done', async () => {
  const { session } = watched();
  await started(session, [{ name: 'a' }, { name: 'b', max_attempts: 1, depends_on: ['a'] }, {}]);
  work(session, 2);
  session.agentOf(3).connect().send(failure(false));
  // The failed task can no longer start, because what it depends on is cancelled the second time.
  const id = taskIdOf(SESSION_ID, 2);
  unwrap(await session.runtime.changeTask(session.call(), id, { type: 'retry', body: { with_dependents: false } }));
  unwrap(await edit(session, 2, 'cancelled'));
  work(session, 4);
  expect(await session.status()).toBe('failed');
  await session.act(requestFor('retry'));
  expect(session.task(3)).toMatchObject({ status: 'skipped', cause: 2 });
  expect(await session.status()).toBe('partially_completed');
});

it('no answer, deadline, report or change by people asks for an illegal transition, in any status', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyAcyclic,
      fc.array(
        fc.oneof(
          { weight: 2, arbitrary: aStep },
          { weight: 2, arbitrary: aStepOfWork },
          { weight: 1, arbitrary: anEdit },
        ),
        { maxLength: 40 },
      ),
      fc.constantFrom(requestFor('stop'), requestFor('pause'), requestFor('cancel'), requestFor('fail')),
      fc.boolean(),
      async (tasks, steps, last, isRejected) => {
        const { session, errors } = watched();
        const agents = new Map<number, FakeAgent>();
        await session.create({ max_attempts: 2, max_parallel: 4, approval_timeout_seconds: 120 });
        unwrap(await session.runtime.createTasks(session.call(), { tasks: tasks.map(newTask) }));
        await session.act('start');
        for (const step of steps) {
          await take(session, agents, step, session.rows('tasks').length);
          expect(errors).toEqual([]);
        }
        // Whatever is open now is decided or expires in a session that goes on no more by itself.
        await session.tryTo(last);
        await session.advance(600_000);
        for (let open = session.rows('approvals').length; isRejected && open > 0; open--)
          await answer(session, 'reject');
        await session.advance(600_000);
        await session.tryTo(requestFor('retry'));
        expect(errors).toEqual([]);
      },
    ),
    runs(60),
  );
});
