import { describe } from 'vitest';
import { SESSION_ID, SessionInProcess, WORKSPACE } from '../session/harness.ts';
import { sessionsContract } from './sessions.contract.ts';

describe.each([{ evictBetweenSteps: false }, { evictBetweenSteps: true }])(
  'a session in process, evicted between steps: $evictBetweenSteps',
  (options) => {
    sessionsContract(async () => {
      const session = new SessionInProcess(options);
      return {
        get api() {
          return session.runtime;
        },
        workspace: WORKSPACE,
        id: SESSION_ID,
      };
    });
  },
);
