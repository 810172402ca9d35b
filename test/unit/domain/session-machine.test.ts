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

/** The statuses that can be come to from `from`, in any number of steps. */
function reachable(from: SessionStatus): Set<SessionStatus> {
  const found = new Set([from]);
  for (const status of found) for (const next of Object.values(TRANSITIONS[status])) found.add(next);
  return found;
}

describe('the table of transitions', () => {
  it('reaches every status from pending', () => {
    expect([...reachable('pending')].sort()).toEqual([...SessionStatus.options].sort());
  });

  it('leads from every status that has not ended to every way of ending', () => {
    for (const status of SessionStatus.options.filter((one) => !hasEnded(one) && one !== 'pending')) {
      expect([...reachable(status)], status).toEqual(
        expect.arrayContaining(['completed', 'failed', 'stopped', 'cancelled']),
      );
    }
  });

  it.each(SessionStatus.options)('allows in %s just these actions', (status) => {
    expect(legalActions(status)).toEqual(LEGAL[status]);
  });

  it('lets an outside executor finish whatever is active, and nothing else', () => {
    const active = SessionStatus.options.filter((status) => !hasEnded(status) && status !== 'pending');
    for (const action of ['complete', 'fail'] as const) {
      expect(SessionStatus.options.filter((status) => nextStatus(status, action) !== null)).toEqual(active);
    }
  });

  it('lets time be up, and results come in, only where an agent works', () => {
    const triggers: Trigger[] = ['time_is_up', 'lease_lost', 'attempt_failed', 'result_completed', 'result_partial'];
    for (const trigger of triggers) {
      expect(SessionStatus.options.filter((status) => nextStatus(status, trigger) !== null)).toEqual(
        SessionStatus.options.filter(isWorking),
      );
    }
  });

  it('brings back what failed, timed out or was stopped, and nothing that was completed or cancelled', () => {
    const ended = SessionStatus.options.filter(hasEnded);
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
  it('names the status, the action and what is legal instead', () => {
    for (const status of SessionStatus.options) {
      for (const action of SessionAction.options) {
        const said = explainIllegal(status, action);
        expect(said).toContain(`is ${status} cannot '${action}'`);
        for (const legal of LEGAL[status]) expect(said).toContain(legal);
      }
    }
    expect(explainIllegal('completed', 'start')).toContain('no further action');
  });
});
