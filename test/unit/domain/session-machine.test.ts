import { describe, expect, it } from 'vitest';
import {
  explainIllegal,
  hasEnded,
  isWorking,
  legalActions,
  nextStatus,
  TRANSITIONS,
  type Trigger,
} from '../../../src/domain/session/session-machine.ts';
import { SessionAction, SessionStatus } from '../../../src/protocol/common/enums.ts';

const LEGAL: Record<SessionStatus, SessionAction[]> = {
  pending: ['start', 'cancel'],
  queued: ['pause', 'stop', 'cancel', 'complete', 'fail'],
  running: ['pause', 'stop', 'cancel', 'complete', 'fail'],
  degraded: ['pause', 'stop', 'cancel', 'complete', 'fail'],
  orphaned: ['pause', 'stop', 'cancel', 'complete', 'fail'],
  paused: ['resume', 'stop', 'cancel', 'complete', 'fail'],
  completed: [],
  partially_completed: [],
  failed: ['retry'],
  timeout: ['retry'],
  stopped: ['retry'],
  cancelled: [],
};

/** The statuses that can be reached from `from`, in any number of steps. */
function reachable(from: SessionStatus): Set<SessionStatus> {
  const found = new Set([from]);
  for (const status of found) for (const next of Object.values(TRANSITIONS[status])) found.add(next);
  return found;
}

describe('the table of transitions', () => {
  it('leads from pending to every status', () => {
    expect([...reachable('pending')].sort()).toEqual([...SessionStatus().options].sort());
  });

  it('leads from every status that has not ended to every final status', () => {
    for (const status of SessionStatus().options.filter((one) => !hasEnded(one) && one !== 'pending')) {
      expect([...reachable(status)], status).toEqual(
        expect.arrayContaining(['completed', 'failed', 'stopped', 'cancelled']),
      );
    }
  });

  it.each(SessionStatus().options)('allows exactly these actions in %s', (status) => {
    expect(legalActions(status)).toEqual(LEGAL[status]);
  });

  it('lets an outside executor finish exactly the active sessions', () => {
    const active = SessionStatus().options.filter((status) => !hasEnded(status) && status !== 'pending');
    for (const action of ['complete', 'fail'] as const) {
      expect(SessionStatus().options.filter((status) => nextStatus(status, action) !== null)).toEqual(active);
    }
  });

  it('accepts a result and the end of the time limit only while an agent works', () => {
    const triggers: Trigger[] = ['time_is_up', 'lease_lost', 'attempt_failed', 'result_completed', 'result_partial'];
    for (const trigger of triggers) {
      expect(SessionStatus().options.filter((status) => nextStatus(status, trigger) !== null)).toEqual(
        SessionStatus().options.filter(isWorking),
      );
    }
  });

  it('allows a retry after failed, timeout and stopped, but not after completed or cancelled', () => {
    const ended = SessionStatus().options.filter(hasEnded);
    expect(ended.filter((status) => nextStatus(status, 'retry') === 'queued')).toEqual([
      'failed',
      'timeout',
      'stopped',
    ]);
    for (const status of ['completed', 'partially_completed', 'cancelled'] as const) {
      expect(TRANSITIONS[status]).toEqual({});
    }
  });
});

describe('the explanation of an illegal action', () => {
  it('names the status, the action and the legal actions', () => {
    for (const status of SessionStatus().options) {
      for (const action of SessionAction().options) {
        const said = explainIllegal(status, action);
        expect(said).toContain(`is ${status}, so '${action}' is not possible`);
        for (const legal of LEGAL[status]) expect(said).toContain(legal);
      }
    }
    expect(explainIllegal('completed', 'start')).toContain('No action is possible');
  });
});
