import { expect } from 'vitest';
import { type EventRow, eventsOf, joinRuns } from '../../../durable-objects/session/log/event-rows.ts';
import type { LeaseRow } from '../../../durable-objects/session/rows.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { NodePlatform } from '../../support/node-platform.ts';
import type { FakeAgent } from './fake-agent.ts';
import { SessionInProcess } from './harness.ts';

export interface Fixture {
  session: SessionInProcess;
  agent: FakeAgent;
}

/** Brings a session into a state. @returns its agent, if it has one */
export type Setup = (session: SessionInProcess) => Promise<FakeAgent | undefined>;

export function at(setup: Setup): (platform: NodePlatform) => Promise<Fixture> {
  return async (platform) => {
    const session = new SessionInProcess({ platform });
    const agent = await setup(session);
    return { session, agent: agent ?? session.agent() };
  };
}

/** The frames that the object has sent to agents and watchers. */
export function sent({ session }: Fixture): unknown {
  return session.clients.map(({ received, closedBy }) => ({ received: [...received], closedBy }));
}

/**
 * The state that must not depend on the number of attempts: everything except random ids, the directory's revision, the
 * grouping of events in rows, and the place of an acknowledgement.
 */
export function essence(session: SessionInProcess, but: string[] = []): unknown {
  const { tasks, task_details, deadlines, checkpoints, artifacts, messages } = session.platform.dump();
  const batches = session.rows<EventRow & { epoch: number; acked: number }>('event_batches');
  const events = joinRuns(batches.flatMap(eventsOf));
  const leases = session.rows<LeaseRow>('leases').map((lease) => {
    const own = batches.filter(({ task, epoch }) => task === lease.task && epoch === lease.epoch);
    return { ...lease, acked: Math.max(lease.acked, ...own.map(({ acked }) => acked)) };
  });
  const all = { events, tasks, task_details, leases, deadlines, checkpoints, artifacts, messages };
  const text = JSON.stringify(Object.entries(all).filter(([table]) => !but.includes(table)));
  const ids = session.rows<{ id: string }>('approvals').map(({ id }) => id);
  return JSON.parse(ids.reduce((masked, id, index) => masked.replaceAll(id, `approval ${index}`), text));
}

/**
 * Shows that an agent's frames are applied once, whatever statement the object is killed before: the agent sends again
 * what is not acknowledged, and the state is that of an undisturbed run.
 * @param goOn shows that the session goes on from there, in memory too
 */
export async function everyStatementOfFrames(
  setup: Setup,
  bodies: readonly AgentFrameBody[],
  goOn: (session: SessionInProcess) => unknown = () => undefined,
): Promise<void> {
  const undisturbed = await at(setup)(new SessionInProcess().platform);
  undisturbed.agent.send(...bodies);
  await undisturbed.session.settle();
  const expected = essence(undisturbed.session);

  let step = 1;
  for (let disturbed = true; disturbed; step++) {
    const { session, agent } = await at(setup)(new SessionInProcess().platform);
    await session.settle();
    session.platform.failAt(step);
    agent.append(...bodies);
    try {
      agent.flush();
    } catch {
      // The object's shell closes the socket, and the agent reconnects with its unacknowledged frames.
    }
    disturbed = !session.platform.faultPending;
    session.platform.failAt(Number.POSITIVE_INFINITY);
    if (agent.over === null) agent.connect().flush();
    await session.settle();
    expect(essence(session), `a throw before step ${step}`).toEqual(expected);
    await goOn(session);
  }
  // The row of the events, the commit, and one run without a throw.
  expect(step).toBeGreaterThan(2);
}
