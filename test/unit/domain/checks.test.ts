import { describe, expect, it } from 'vitest';
import {
  checksFailed,
  judgeChecks,
  mendPrompt,
  NO_CHECKS_RUN,
  startNotice,
  withEnd,
} from '../../../src/domain/session/checks.ts';
import type { CheckEnd } from '../../../src/protocol/session/checks.ts';

const CHECKS = [
  { command: 'npm test', timeout_seconds: 60 },
  { command: 'npm run lint', timeout_seconds: 60 },
];
const PASSED: CheckEnd = { outcome: 'passed', exit_code: 0, ms: 1_000, output: '' };
const FAILED: CheckEnd = { ...PASSED, outcome: 'failed', exit_code: 1, output: 'no' };

const recordOf = (...ends: CheckEnd[]) =>
  ends.reduce((record, end, index) => withEnd(record, 1, index, end), NO_CHECKS_RUN);

describe('the verdict on checks', () => {
  it.each([
    ['passed', [PASSED, PASSED]],
    ['failed', [FAILED, PASSED]],
    ['failed', [FAILED]],
    ['failed', [PASSED, { ...FAILED, outcome: 'timed_out' }]],
    ['failed', [PASSED, { ...FAILED, outcome: 'not_started' }]],
    ['unknown', []],
    ['unknown', [PASSED]],
    ['unknown', [PASSED, { ...FAILED, outcome: 'interrupted' }]],
  ] as [string, CheckEnd[]][])('is %s of %j', (verdict, ends) => {
    expect(judgeChecks(CHECKS, recordOf(...ends))).toBe(verdict);
  });

  it('is that of the newest round, in whatever order and however often its ends arrive', () => {
    const first = recordOf(FAILED, FAILED);
    const second = withEnd(withEnd(first, 2, 1, PASSED), 2, 0, PASSED);
    expect(judgeChecks(CHECKS, withEnd(first, 2, 0, PASSED))).toBe('unknown');
    for (const late of [withEnd(second, 1, 0, FAILED), withEnd(second, 2, 0, PASSED)]) {
      expect(judgeChecks(CHECKS, late)).toBe('passed');
    }
  });

  it('is unknown when the agent has got a prompt since, also if an end comes late', () => {
    const past = { ...recordOf(PASSED, PASSED), is_past: true };
    expect(judgeChecks(CHECKS, past)).toBe('unknown');
    expect(judgeChecks(CHECKS, withEnd(past, 1, 0, PASSED))).toBe('unknown');
  });
});

describe('the prompt with failed checks', () => {
  it('has what each printed, in a block that the output cannot end', () => {
    const prompt = mendPrompt(CHECKS, recordOf({ ...FAILED, output: 'a\n```\nb' }, PASSED), 2);
    expect(prompt).toContain('## npm test\n\nIt ended with exit code 1 after 1.0 s.\n\n````\na\n```\nb\n````');
    expect(prompt).not.toContain('## npm run lint');
  });

  it('says how often the model gets them back', () => {
    const record = recordOf(FAILED, { ...FAILED, outcome: 'timed_out' });
    expect(mendPrompt(CHECKS, record, 3)).toContain('you get them back 2 more times');
    expect(mendPrompt(CHECKS, { ...record, handed_back: [1, 1] }, 3)).toContain(
      'If they fail then, the task has failed.',
    );
    expect(mendPrompt(CHECKS, record, 3)).toContain('It was ended at its limit of 60 s.');
  });
});

it('a signal that ended a command is named', () => {
  const { message } = checksFailed(CHECKS, recordOf({ ...FAILED, exit_code: 137 }, PASSED));
  expect(message).toContain('exit code 137 (signal 9)');
});

it('the model is told before it begins only of checks that fail', () => {
  expect(startNotice(CHECKS, [PASSED, PASSED])).toBeNull();
  expect(startNotice(CHECKS, [PASSED, FAILED])).toContain('## npm run lint');
});
