import { describe, expect, it } from 'vitest';
import { nextStatus, TRANSITIONS, type Trigger } from '../../../src/domain/session/session-machine.ts';
import { SessionAction, SessionStatus } from '../../../src/protocol/common/enums.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { requestFor, WAYS } from './actions.fixture.ts';
import { type FakeAgent, failure, modelRetry, note, released, result } from './fake-agent.ts';
import { SessionInProcess, TASK_ID, unwrap } from './harness.ts';

/** Every transition of the table. */
const EDGES = SessionStatus().options.flatMap((from) =>
  (Object.keys(TRANSITIONS[from]) as Trigger[]).map((trigger) => ({ from, trigger, to: nextStatus(from, trigger)! })),
);

/** The agent of a session that WAYS brought to running or degraded. */
function agentAtWork(session: SessionInProcess): FakeAgent {
  const agent = session.agentOf(1, 'AGENT-ONE');
  agent.head = session.runtime.parts.records.lease(1)!.acked;
  return agent.connect();
}

/** Sends frames of an agent. */
function reports(frame: Parameters<FakeAgent['send']>[0]): (session: SessionInProcess) => unknown {
  return (session) => agentAtWork(session).send(frame);
}

/** The cause of each trigger that is not an action. */
const CAUSES: Record<Exclude<Trigger, SessionAction>, (session: SessionInProcess) => unknown> = {
  leased: (session) => session.agentOf(1).connect(),
  agent_quiet: (session) => session.advance(45_000),
  model_retry: reports(modelRetry()),
  recovered: reports(note('on it')),
  lease_lost: reports(released('lost')),
  requeued: (session) => session.advance(1_000),
  attempt_failed: reports(failure(true)),
  attempts_exhausted: (session) => {
    const { kit, records } = session.runtime.parts;
    kit.store.transact(() => records.updateSpec({ max_attempts: 1 }));
    return reports(failure(true))(session);
  },
  result_completed: reports(result()),
  result_partial: reports(result(1, { status: 'partial' })),
  result_failed: reports(failure(false)),
  only_lost_left: async (session) => {
    const other = CreateGraphRequest().parse({ tasks: [{ title: 'Another', description: 'Do it too', parent: null }] });
    const { task_ids } = unwrap(await session.runtime.createTasks(session.call(), other));
    session.agentOf(1).connect().send(released('lost'));
    const body = { status: 'completed' } as const;
    unwrap(await session.runtime.changeTask(session.call(), task_ids[0]!, { type: 'status', body }));
  },
  last_task_ended: async (session) => {
    const other = CreateGraphRequest().parse({ tasks: [{ title: 'Another', description: 'Do it too', parent: null }] });
    const { task_ids } = unwrap(await session.runtime.createTasks(session.call(), other));
    const end = (id: string, status: 'completed' | 'cancelled') =>
      session.runtime.changeTask(session.call(), id, { type: 'status', body: { status } });
    unwrap(await end(task_ids[0]!, 'completed'));
    unwrap(await end(TASK_ID, 'cancelled'));
  },
  time_is_up: async (session) => {
    const agent = agentAtWork(session);
    for (let waited = 0; waited < 3_600_000 && agent.over === null; waited += 10_000) await agent.ping(10_000);
  },
};

async function take(session: SessionInProcess, trigger: Trigger): Promise<void> {
  const action = SessionAction().safeParse(trigger);
  if (!action.success) return void (await CAUSES[trigger as keyof typeof CAUSES](session));
  await session.act(requestFor(action.data));
  // A working agent is asked to pause or stop, and the status changes when it has released its lease.
  if (session.row<{ requested_at: number | null }>('session')!.requested_at === null) return;
  agentAtWork(session).send(released(trigger === 'pause' ? 'paused' : 'stopped'));
}

describe('the table of transitions', () => {
  it.each(EDGES)(
    'a session of one task takes the transition $from --$trigger--> $to',
    async ({ from, trigger, to }) => {
      const session = new SessionInProcess();
      await WAYS[from](session);
      await take(session, trigger);
      const moves = (await session.events()).flatMap((event) => (event.type === 'session.status' ? [event.data] : []));
      expect(moves.at(-1)).toMatchObject({ from, to });
    },
  );
});
