import { describe, expect, it } from 'vitest';
import { canTaskMove, TASK_TRANSITIONS, type TaskTrigger } from '../../../src/domain/task-machine.ts';
import type { TaskChange } from '../../../src/ports/sessions.ts';
import { TaskStatus } from '../../../src/protocol/common/enums.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { type FakeAgent, failure, note, result } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

/** The task that moves. Others keep the session going, or keep it from its start. */
const TASK = 2;
const BEFORE = 3;

async function newSession(): Promise<SessionInProcess> {
  const session = new SessionInProcess();
  await session.create();
  const tasks = [
    { title: 'The task', description: 'Do it', depends_on: ['before'] },
    { name: 'before', title: 'Before', description: 'Do this first' },
    { title: 'Beside', description: 'Do this too' },
  ];
  unwrap(await session.runtime.createTasks(session.call(), CreateGraphRequest().parse({ tasks })));
  await session.act('start');
  return session;
}

const change = async (session: SessionInProcess, number: number, change: TaskChange) =>
  unwrap(await session.runtime.changeTask(session.call(), taskIdOf(SESSION_ID, number), change));
const end = (session: SessionInProcess, number: number, status: 'completed' | 'failed' | 'cancelled' | 'skipped') =>
  change(session, number, { type: 'status', body: { status } });

/** The agent of the task, also when it comes back. */
function agentOf(session: SessionInProcess): FakeAgent {
  const agent = session.agentOf(TASK);
  agent.head = session.runtime.parts.records.liveLease(TASK)?.acked ?? 0;
  return agent.connect();
}

/** Brings the task to a status by real events. */
const WAYS: Record<TaskStatus, (session: SessionInProcess) => unknown> = {
  pending: () => {},
  ready: (session) => end(session, BEFORE, 'completed'),
  assigned: async (session) => {
    await WAYS.ready(session);
    agentOf(session);
  },
  in_progress: async (session) => {
    await WAYS.assigned(session);
    agentOf(session).send(note('on it'));
  },
  blocked: (session) => CAUSES.needs_approval(session),
  paused: async (session) => {
    await WAYS.ready(session);
    await session.act('pause');
  },
  completed: (session) => end(session, TASK, 'completed'),
  failed: (session) => end(session, TASK, 'failed'),
  cancelled: (session) => end(session, TASK, 'cancelled'),
  skipped: (session) => end(session, TASK, 'skipped'),
};

/** The cause of each trigger. */
const CAUSES: Record<TaskTrigger, (session: SessionInProcess) => unknown> = {
  may_start: (session) => end(session, BEFORE, 'completed'),
  needs_approval: async (session) => {
    const body = { requires_approval: true };
    await change(session, TASK, { type: 'update', body });
    await end(session, BEFORE, 'completed');
  },
  put_back: async (session) => {
    const depends_on_task_id = taskIdOf(SESSION_ID, 4);
    const body = { depends_on_task_id, dependency_type: 'finish_to_start' as const, is_required: true };
    await change(session, TASK, { type: 'add_dependency', body });
  },
  taken: agentOf,
  begun: (session) => agentOf(session).send(note('on it')),
  conflict: () => {},
  unblocked: async (session) => {
    const [approval] = unwrap(await session.runtime.approvals(session.call())).items;
    unwrap(await session.runtime.answer(session.call(), approval!.id, { decision: 'once' }));
  },
  attempt_ended: (session) => agentOf(session).send(failure(true)),
  held: async (session) => {
    if (session.task(TASK).status === 'pending') {
      await WAYS.assigned(session);
      agentOf(session).send(failure(true));
    }
    await session.act('pause');
    if (session.runtime.parts.records.liveLease(TASK)) {
      agentOf(session).send({ type: 'released', data: { reason: 'paused', message: 'paused' } });
    }
  },
  resumed: (session) => session.act('resume'),
  retried: (session) => change(session, TASK, { type: 'retry', body: { with_dependents: false } }),
  completed: (session) =>
    session.runtime.parts.records.liveLease(TASK) ? agentOf(session).send(result(99)) : end(session, TASK, 'completed'),
  failed: (session) =>
    session.runtime.parts.records.liveLease(TASK)
      ? agentOf(session).send(failure(false))
      : end(session, TASK, 'failed'),
  cancelled: (session) => end(session, TASK, 'cancelled'),
  skipped: (session) => end(session, TASK, 'skipped'),
};

const EDGES = TaskStatus().options.flatMap((from) =>
  Object.entries(TASK_TRANSITIONS[from]).map(([trigger, to]) => ({ from, trigger: trigger as TaskTrigger, to: to! })),
);

describe('the table of a task’s transitions', () => {
  it.each(EDGES.filter(({ trigger }) => trigger !== 'conflict'))(
    'a task takes the transition $from --$trigger--> $to',
    async ({ from, trigger, to }) => {
      const session = await newSession();
      await WAYS[from](session);
      expect(session.task(TASK).status).toBe(from);
      await CAUSES[trigger](session);
      const moves = (await session.events()).flatMap((event) =>
        event.type === 'task.status' && event.task === TASK ? [[event.data.from, event.data.to]] : [],
      );
      expect(moves).toContainEqual([from, to]);
    },
  );

  it.each(TaskStatus().options)(
    'a transition that it does not list from %s throws, and changes nothing',
    async (from) => {
      const session = await newSession();
      await WAYS[from](session);
      const before = session.task(TASK);
      const { kit, transitions } = session.runtime.parts;
      const forbidden = TaskStatus().options.filter((to) => !canTaskMove(from, to));
      expect(forbidden.length).toBeGreaterThan(0);
      for (const status of forbidden) {
        const move = () => kit.store.transact(() => transitions.task(TASK, { status }));
        expect(move, `${from} → ${status}`).toThrow(`from ${from} to ${status}`);
        expect(session.task(TASK)).toEqual(before);
      }
    },
  );
});
