import { expect } from 'vitest';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import { expectAgreement, expectOneLease, expectSameLog, expectWhole, readLog } from './agreement.ts';
import type { FleetMember } from './fleet.ts';
import type { StartedSession } from './started-session.ts';

/**
 * The session completes in its first lease and attempt, and its log, its watcher and its conversation agree. Closes the
 * watch. @returns the log
 */
export async function expectUndisturbed(fleet: FleetMember, session: StartedSession): Promise<SessionEvent[]> {
  const { tasks } = await session.ended('completed');
  const log = await readLog(fleet.client, session.id);
  expectOneLease(log);
  expect(tasks).toMatchObject([{ attempt: 1, epoch: 1 }]);
  expectWhole(log);
  expectSameLog(session.watch, log);
  expectAgreement(log, fleet.conversationOf(session.id));
  session.watch.close();
  return log;
}
