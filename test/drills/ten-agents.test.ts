import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAgreement, expectSameLog, expectWhole, readLog } from '../system/support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { startSession } from '../system/support/started-session.ts';

const AGENTS = Array.from({ length: 10 }, (_, index) => `AGENT-${index}`);

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '15' });
  // Two at a time, because ten servers that start at once on two cores take longer than one after the other.
  for (let first = 0; first < AGENTS.length; first += 2) {
    const pair = AGENTS.slice(first, first + 2).map((name) => fleet.agent(name, { capacity: 1 }));
    await Promise.all(pair.map((agent) => agent.start()));
  }
});
afterAll(() => fleet.stop());

describe('a restart of workerd under ten working agents', () => {
  it('orphans no session and uses no attempt', async () => {
    const prompt = 'slow 8 200\nrun sleep 1; echo done > done.txt\nslow 8 200';
    const sessions = await Promise.all(AGENTS.map(() => startSession(fleet.client, [prompt])));
    for (const session of sessions) await session.seen(({ type }) => type === 'turn.started');
    await fleet.controlPlane.kill('worker');

    const holders = new Set<string>();
    for (const session of sessions) {
      const { tasks } = await session.ended('completed');
      expect(tasks).toMatchObject([{ attempt: 1, epoch: 1 }]);
      const log = await readLog(fleet.client, session.id);
      expectWhole(log);
      expectSameLog(session.watch, log);
      expect(log.filter((e) => e.type === 'session.status' && e.data.to === 'orphaned')).toEqual([]);
      const grants = log.filter((event) => event.type === 'lease.granted');
      expect(grants).toHaveLength(1);
      const holder = grants[0]!.data.agent_id;
      holders.add(holder);
      expectAgreement(log, fleet.conversationOf(session.id));
      session.watch.close();
    }
    expect(holders.size).toBe(AGENTS.length);
  });
});
