import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasEnded, isWorking } from '../../../src/domain/session/session-machine.ts';
import {
  type Intent,
  isWorkedOn,
  requestedAction,
  shareDone,
  sessionStatus as statusOfCounts,
  type TaskFacts,
  taskStatusUnder,
} from '../../../src/domain/session/session-status.ts';
import { TaskCounts } from '../../../src/domain/session/task-counts.ts';
import { SessionStatus, TaskStatus } from '../../../src/protocol/common/enums.ts';
import { runs } from '../../support/seeds.ts';

const sessionStatus = (tasks: readonly TaskFacts[], intent: Intent) =>
  statusOfCounts(TaskCounts.of(tasks), intent, 'running');

const INTENTS: Intent[] = ['none', 'run', 'pause', 'stop', 'cancel', 'complete', 'fail', 'time_out'];

function task(status: TaskStatus, changes: Partial<TaskFacts> = {}): TaskFacts {
  const outcome = status === 'completed' ? 'whole' : null;
  return { status, degraded_by: null, setback: null, outcome, cause: null, ...changes };
}

const anyTask: fc.Arbitrary<TaskFacts> = fc.record({
  status: fc.constantFrom(...TaskStatus().options),
  degraded_by: fc.constantFrom('quiet', 'retry', null),
  setback: fc.constantFrom('lease_lost', 'attempt_failed', null),
  outcome: fc.constantFrom('whole', 'partial', null),
  cause: fc.constantFrom(7, null),
});
const anyTasks = fc.array(anyTask, { maxLength: 5 });
const anyIntent = fc.constantFrom(...INTENTS);
const seeded = runs(2_000);

describe('the status of any tasks under any intent', () => {
  it('is always a valid status', () => {
    fc.assert(
      fc.property(anyTasks, anyIntent, (tasks, intent) => {
        expect(SessionStatus().options).toContain(sessionStatus(tasks, intent));
      }),
      seeded,
    );
  });

  it('is running or degraded exactly while an agent works on a task', () => {
    fc.assert(
      fc.property(anyTasks, anyIntent, (tasks, intent) => {
        const works = tasks.some(isWorkedOn);
        expect(isWorking(sessionStatus(tasks, intent))).toBe(works);
      }),
      seeded,
    );
  });

  it('follows from counts that have changed task by task', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), anyTask)), anyIntent, (changes, intent) => {
        const counts = new TaskCounts();
        for (const [number, changed] of changes) counts.put(number, changed);
        expect(statusOfCounts(counts, intent, 'running')).toBe(sessionStatus([...new Map(changes).values()], intent));
      }),
      seeded,
    );
  });

  it('does not depend on the order of the tasks', () => {
    fc.assert(
      fc.property(anyTasks, anyIntent, (tasks, intent) => {
        expect(sessionStatus(tasks.toReversed(), intent)).toBe(sessionStatus(tasks, intent));
      }),
      seeded,
    );
  });

  it('is final only after a final intent or when every task has ended', () => {
    fc.assert(
      fc.property(anyTasks, fc.constantFrom<Intent>('none', 'run', 'pause'), (tasks, intent) => {
        if (!hasEnded(sessionStatus(tasks, intent))) return;
        const final: TaskStatus[] = ['completed', 'failed', 'cancelled', 'skipped'];
        expect(tasks.every(({ status }) => final.includes(status))).toBe(true);
      }),
      seeded,
    );
  });
});

describe('the status of a session with several running tasks', () => {
  it.each<[string, TaskFacts[], SessionStatus]>([
    ['one has an agent that has not begun, one waits', [task('assigned'), task('ready')], 'running'],
    ['one works, one waits', [task('in_progress'), task('ready')], 'running'],
    ['one works, one is silent', [task('in_progress'), task('in_progress', { degraded_by: 'quiet' })], 'degraded'],
    ['one works, one was lost', [task('in_progress'), task('pending', { setback: 'lease_lost' })], 'running'],
    ['one was lost, one waits for an agent', [task('pending', { setback: 'lease_lost' }), task('ready')], 'queued'],
    [
      'one was lost, one waits for another task',
      [task('pending', { setback: 'lease_lost' }), task('blocked')],
      'orphaned',
    ],
    [
      'one is done, one waits for a retry',
      [task('completed'), task('pending', { setback: 'attempt_failed' })],
      'queued',
    ],
    ['one failed, one works', [task('failed'), task('in_progress')], 'running'],
    ['one failed, one is done', [task('failed'), task('completed')], 'failed'],
    ['all are done', [task('completed'), task('completed')], 'completed'],
    ['one is done in part', [task('completed', { outcome: 'partial' }), task('completed')], 'partially_completed'],
    ['one was skipped', [task('completed'), task('skipped')], 'completed'],
    ['one was cancelled', [task('completed'), task('cancelled')], 'partially_completed'],
    ['all were cancelled', [task('cancelled'), task('cancelled')], 'cancelled'],
    [
      'one was not reached',
      [task('completed'), task('cancelled'), task('skipped', { cause: 2 })],
      'partially_completed',
    ],
    ['one was not reached after a cancel', [task('cancelled'), task('skipped', { cause: 1 })], 'cancelled'],
    ['one was not reached after a failure', [task('failed'), task('skipped', { cause: 1 })], 'failed'],
    ['the work of one is done and waits', [task('in_progress', { outcome: 'whole' }), task('ready')], 'queued'],
  ])('follows the tasks: %s', (_what, tasks, status) => {
    expect(sessionStatus(tasks, 'run')).toBe(status);
  });
});

describe('an intent for the session', () => {
  it.each<[Intent, SessionStatus]>([
    ['none', 'pending'],
    ['pause', 'paused'],
    ['stop', 'stopped'],
    ['cancel', 'cancelled'],
    ['complete', 'completed'],
    ['fail', 'failed'],
    ['time_out', 'timeout'],
  ])('%s leads to matching statuses of tasks and session', (intent, status) => {
    const tasks = [task(taskStatusUnder(intent) ?? 'pending')];
    expect(sessionStatus(tasks, intent)).toBe(status);
  });

  it('stays a requested action while an agent works, if it is a pause or a stop', () => {
    expect(requestedAction('running', 'pause')).toBe('pause');
    expect(requestedAction('degraded', 'stop')).toBe('stop');
    expect(requestedAction('paused', 'pause')).toBeNull();
    expect(requestedAction('running', 'run')).toBeNull();
  });

  it('does not pause a session whose tasks have all ended', () => {
    expect(sessionStatus([task('completed')], 'pause')).toBe('completed');
    expect(sessionStatus([task('completed'), task('paused')], 'pause')).toBe('paused');
  });
});

describe('the share of finished work', () => {
  it('counts a task that is done in part half', () => {
    expect(
      shareDone([task('completed'), task('completed', { outcome: 'partial' }), task('failed'), task('ready')]),
    ).toBe(0.375);
    expect(shareDone([])).toBe(0);
  });
});
