import type { TaskRow } from '../../../../durable-objects/session/rows.ts';
import { hasEnded, isWorking } from '../../../../src/domain/session/session-machine.ts';
import { isWorkedOn } from '../../../../src/domain/session/session-status.ts';
import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import { sessionOfTask } from '../../../../src/protocol/common/ids.ts';
import { storedDeadlines } from '../../../support/deadlines.ts';
import type { SessionInProcess } from '../../../unit/session/harness.ts';
import type { Agreement } from './fleet-agreement.ts';
import { type FleetObject, type FleetObjects, type FleetSession, rowsIn } from './fleet-objects.ts';
import type { Queue } from './fleet-queue.ts';
import type { SimulatedAgent } from './simulated-agent.ts';

/** The laws of a fleet. Those up to `alarm` hold after every step. */
export const LAWS = {
  one_owner: 'a task has at most one lease, and each epoch is granted once, after the one before it',
  capacity: 'an agent never gets more slots than its capacity',
  order: 'no request is overtaken by one that comes later than its lag',
  deadlines: 'a working session has the deadlines of its lease and of its time limit',
  a_way_on: 'a session that waits for an agent has a deadline at which it asks again',
  alarm: 'the alarm of an object fires no later than its earliest deadline',
  exactly_once: 'a frame is in the log at most once, and an acknowledged one is there',
  counted: 'each refused stale frame is counted',
  agreement: 'when all is well again, each accepted slot has its lease and the reverse',
  forgotten: 'when all is well again, no request waits long for an agent that can take it',
  an_end: 'when all is well again, every session comes to its end',
  no_slot_left: 'when every session has ended, no slot and no lease is left',
  listed: 'when all is well again, the directory shows each session as it is, and none that was deleted',
} as const;
export type Law = keyof typeof LAWS;
export type Violation = (law: Law, details: string) => never;

interface Lease {
  task: number;
  epoch: number;
  ended: string | null;
}

/** Checks the laws that hold after every step. */
export function checkStep({ sessions, all }: FleetObjects, queue: Queue, violated: Violation) {
  for (const object of all) checkAlarm(object, violated);
  for (const session of sessions) if (isCreated(session)) checkSession(session, violated);
  const { capacity, overtaken } = queue.look();
  if (capacity.length > 0) violated('capacity', capacity.join(', '));
  if (overtaken.length > 0) violated('order', overtaken.join(', '));
}

/** Checks the laws that hold when all faults are over. */
export function checkCalm(queue: Queue, agreement: Agreement, violated: Violation): void {
  const differing = agreement.look();
  if (differing.length > 0) violated('agreement', differing.join(', '));
  const forgotten = queue.forgotten();
  if (forgotten.length > 0) violated('forgotten', forgotten.join(', '));
}

/** Checks the laws that hold when all faults are over and every session has ended. */
export async function checkEnd(
  fleet: FleetObjects,
  agents: readonly SimulatedAgent[],
  violated: Violation,
): Promise<void> {
  const open = rowsIn(fleet.registry.platform, 'slots', 'task_id, epoch, state, agent_id', `state <> 'ended'`);
  if (open.length > 0) violated('no_slot_left', JSON.stringify(open));
  for (const agent of agents) {
    if (agent.leases.size > 0)
      violated('no_slot_left', `${agent.name} works on ${[...agent.leases.keys()].join(', ')}`);
  }
  const entries = rowsIn<{ id: string; status: string }>(fleet.directory.platform, 'sessions', 'id, status');
  for (const { id, name, session } of fleet.sessions.filter(isCreated)) {
    const status = await session.status();
    const entry = entries.find((one) => one.id === id);
    if (entry?.status !== status) violated('listed', `${name} is ${status}, and is listed as ${entry?.status}`);
  }
  for (const { id, name, session } of fleet.sessions) {
    if (session.runtime.exists || !entries.some((one) => one.id === id)) continue;
    violated('listed', `${name} is not there, and is listed`);
  }
}

/** Checks what agents reported against the logs. */
export async function checkLogs(
  fleet: FleetObjects,
  agents: readonly SimulatedAgent[],
  violated: Violation,
): Promise<void> {
  for (const { name, id, session } of fleet.sessions.filter(isCreated)) {
    const events = await session.events();
    const times = new Map<string, number>();
    const refused = agents.flatMap(({ past }) => past).filter(({ task_id }) => sessionOfTask(task_id) === id);
    const stale = refused.reduce((sum, lease) => sum + lease.refused, 0);
    const counted = session.rows<{ count: number }>('refusals').reduce((sum, { count }) => sum + count, 0);
    if (stale !== counted) violated('counted', `${name} refused ${stale} stale frames, and counted ${counted}`);
    const granted = new Map<number, number>();
    for (const event of events) {
      if (event.type === 'agent.note') times.set(event.data.text, (times.get(event.data.text) ?? 0) + 1);
      if (event.type !== 'lease.granted') continue;
      const before = granted.get(event.task) ?? 0;
      if (event.data.epoch <= before) violated('one_owner', `${name} granted ${event.data.epoch} after ${before}`);
      granted.set(event.task, event.data.epoch);
    }
    for (const lease of agents.flatMap(({ past }) => past).filter(({ task_id }) => sessionOfTask(task_id) === id)) {
      for (const [n, text] of lease.notes) {
        const stored = times.get(text) ?? 0;
        if (stored > 1) violated('exactly_once', `${text} is in the log ${stored} times`);
        if (n <= lease.acked && stored === 0) violated('exactly_once', `${text} is acknowledged, and not in the log`);
      }
    }
  }
}

export function isCreated({ session }: FleetSession): boolean {
  return session.runtime.exists;
}

function checkAlarm({ name, platform, wasFaulty }: FleetObject, violated: Violation): void {
  if (rowsIn(platform, 'deadlines', '1').length === 0) return;
  const times = Object.values(storedDeadlines(platform));
  if (times.length === 0) return;
  // An alarm is never set for the present moment.
  const earliest = Math.max(Math.min(...times), platform.now() + 1);
  if (platform.alarm === null) violated('alarm', `${name} has no alarm`);
  // After a statement that threw, an alarm is enough: it sets the next one.
  if (!wasFaulty && platform.alarm! > earliest)
    violated('alarm', `${name} fires ${platform.alarm! - earliest} ms late`);
}

function checkSession({ name, session, platform }: FleetSession, violated: Violation): void {
  const due = storedDeadlines(platform);
  const { status, intent } = session.row<{ status: SessionStatus; intent: string }>('session')!;
  const live = session.rows<Lease>('leases', 'ended IS NULL');
  for (const task of session.rows<TaskRow>('tasks')) {
    const own = live.filter((lease) => lease.task === task.number);
    if (own.length > 1) violated('one_owner', `${name} has ${own.length} leases`);
    if (own.length > 0 && due[`lease:${task.number}`] === undefined)
      violated('deadlines', `${name}: its lease has none`);
    if (isWorkedOn(task) && own.length === 0 && !isParent(session, task.number))
      violated('one_owner', `${name} works without a lease`);
    if (task.status === 'ready' && task.reserved_at !== null && due[`reserve:${task.number}`] === undefined)
      violated('a_way_on', `${name} is ready`);
    const mayStart = task.status === 'pending' && mayStartNow(session, task.number);
    const waits = mayStart && intent === 'run' && !hasEnded(status);
    if (waits && due[`requeue:${task.number}`] === undefined)
      violated('a_way_on', `${name} waits for its next attempt`);
  }
  if (isWorking(status) && due.max_duration === undefined) violated('deadlines', `${name} has no time limit`);
}

/** Whether the graph lets a task start that is worked on itself. */
function mayStartNow(session: SessionInProcess, task: number): boolean {
  const { live } = session.runtime.parts.graph;
  return live.mayStart(task) && !live.isParent(task);
}

function isParent(session: SessionInProcess, task: number): boolean {
  return session.runtime.parts.graph.isParent(task);
}
