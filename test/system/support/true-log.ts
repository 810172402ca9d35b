import { expectAgreement, expectSameLog, expectWhole, readLog } from './agreement.ts';
import type { FleetMember } from './fleet.ts';
import type { StartedSession } from './started-session.ts';

/** Checks an ended session: its log is whole, its watcher saw the same, and OpenCode's conversation agrees. Ends the watcher. */
export async function expectTrueLog(fleet: FleetMember, { id, watch }: StartedSession): Promise<void> {
  const log = await readLog(fleet.client, id);
  expectWhole(log);
  expectSameLog(watch, log);
  expectAgreement(log, fleet.conversationOf(id));
  watch.close();
}
