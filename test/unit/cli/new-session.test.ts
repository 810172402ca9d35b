import { expect, it } from 'vitest';
import { CliError } from '../../../cli/command.ts';
import { RUN_EXIT_CODES } from '../../../cli/commands/run.ts';
import { newSession } from '../../../cli/commands/session/new-session.ts';
import { hasEnded } from '../../../src/domain/session/session-machine.ts';
import { SessionStatus } from '../../../src/protocol/common/enums.ts';
import { CreateSessionRequest } from '../../../src/protocol/session/requests.ts';

it('the options of a delivery ask for it, each alone', () => {
  expect(newSession('Do it', {})).not.toHaveProperty('deliver');
  expect(newSession('Do it', { deliver: true }).deliver).toEqual({ push: false });
  expect(newSession('Do it', { branch: 'mine' }).deliver).toEqual({ push: false, branch: 'mine' });
  expect(newSession('Do it', { push: true, remote: 'fork' }).deliver).toEqual({ push: true, remote: 'fork' });
  expect(() => newSession('Do it', { remote: 'fork' })).toThrow(CliError);
});

it('the request of all options is one that the API takes', () => {
  const request = newSession('Do it', {
    check: ['npm test'],
    plan: 'template',
    'on-conflict-risk': 'steer',
    'merge-strategy': 'prefer_source',
    push: true,
    message: 'Mine',
    priority: 'high',
    tag: ['a'],
  });
  expect(CreateSessionRequest().parse(request)).toMatchObject({
    checks: [{ command: 'npm test' }],
    plan: 'template',
    on_conflict_risk: 'steer',
    merge_strategy: 'prefer_source',
    priority: 'high',
  });
});

it('oio run has an exit code of its own for each way in which a session ends', () => {
  const ends = SessionStatus().options.filter(hasEnded);
  expect(Object.keys(RUN_EXIT_CODES).sort()).toEqual(ends.sort());
  expect(new Set(Object.values(RUN_EXIT_CODES)).size).toBe(ends.length);
});
