import type { SessionAction, SessionStatus } from '../../protocol/common/enums.ts';
import { SESSION_ACTIONS } from '../../protocol/session/actions.ts';

/** A trigger of a status change: an action, or an event of the session's tasks. */
export type Trigger =
  | SessionAction
  | 'leased'
  | 'agent_quiet'
  | 'model_retry'
  | 'recovered'
  | 'lease_lost'
  | 'requeued'
  | 'attempt_failed'
  | 'attempts_exhausted'
  | 'result_completed'
  | 'result_partial'
  | 'result_failed'
  | 'time_is_up'
  | 'last_task_ended'
  | 'only_lost_left';

const WAITING = {
  pause: 'paused',
  stop: 'stopped',
  cancel: 'cancelled',
  complete: 'completed',
  fail: 'failed',
  last_task_ended: 'partially_completed',
} as const satisfies Partial<Record<Trigger, SessionStatus>>;

const WORKING = {
  ...WAITING,
  lease_lost: 'orphaned',
  attempt_failed: 'queued',
  attempts_exhausted: 'failed',
  result_completed: 'completed',
  result_partial: 'partially_completed',
  result_failed: 'failed',
  time_is_up: 'timeout',
} as const satisfies Partial<Record<Trigger, SessionStatus>>;

/** The legal transitions of a session, with a diagram in docs/architecture.md. Any other transition is illegal. */
export const TRANSITIONS: Readonly<Record<SessionStatus, Partial<Record<Trigger, SessionStatus>>>> = {
  pending: { start: 'queued', cancel: 'cancelled' },
  queued: { ...WAITING, leased: 'running', only_lost_left: 'orphaned' },
  running: { ...WORKING, agent_quiet: 'degraded', model_retry: 'degraded' },
  degraded: { ...WORKING, recovered: 'running' },
  orphaned: { ...WAITING, requeued: 'queued' },
  paused: {
    resume: 'queued',
    stop: 'stopped',
    cancel: 'cancelled',
    complete: 'completed',
    fail: 'failed',
    last_task_ended: 'partially_completed',
  },
  failed: { retry: 'queued' },
  timeout: { retry: 'queued' },
  stopped: { retry: 'queued' },
  completed: {},
  partially_completed: {},
  cancelled: {},
};

/** The status to which `trigger` leads from `status`; null when the transition is illegal. */
export function nextStatus(status: SessionStatus, trigger: Trigger): SessionStatus | null {
  return TRANSITIONS[status][trigger] ?? null;
}

/** Whether any trigger leads from one status to the other. */
export function canMove(from: SessionStatus, to: SessionStatus): boolean {
  return Object.values(TRANSITIONS[from]).includes(to);
}

/** The actions that are legal in this status. */
export function legalActions(status: SessionStatus): SessionAction[] {
  return SESSION_ACTIONS.filter((action) => nextStatus(status, action) !== null);
}

/** Whether the session has ended: it has no lease and is not queued, so only an action can change it. */
export function hasEnded(status: SessionStatus): boolean {
  return nextStatus(status, 'cancel') === null;
}

/** Whether an agent is working. Only this time counts towards the session's time limit. */
export function isWorking(status: SessionStatus): boolean {
  return status === 'running' || status === 'degraded';
}

/** The error text for an illegal action. */
export function explainIllegal(status: SessionStatus, action: SessionAction): string {
  const legal = legalActions(status);
  const options = legal.length > 0 ? `Possible actions: ${legal.join(', ')}.` : 'No action is possible.';
  return `The session is ${status}, so '${action}' is not possible. ${options}`;
}
