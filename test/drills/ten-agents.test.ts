import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent } from '../../runner/agent.ts';
import { startAgentsInProcess } from '../system/support/agents-in-process.ts';
import { expectAgreement, expectOneLease, expectSameLog, expectWhole, readLog } from '../system/support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { type OpenCodeRig, startOpenCodeRig } from '../system/support/rig.ts';
import { startSession } from '../system/support/started-session.ts';

const NAMES = Array.from({ length: 10 }, (_, index) => `AGENT-${index}`);

let fleet: Fleet;
let rig: OpenCodeRig;
let agents: Agent[] = [];
beforeAll(async () => {
  fleet = await startFleet(NO_POSTGRES);
  rig = await startOpenCodeRig(join(fleet.path, 'opencode'), fleet.model);
  agents = await startAgentsInProcess(fleet, rig, NAMES);
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await rig.stop();
  await fleet.stop();
});

describe('a restart of workerd under ten working agents', () => {
  it('orphans no session and uses no attempt', async () => {
    const prompt = 'slow 8 200\nrun sleep 1; echo done > done.txt\nslow 8 200';
    const sessions = await Promise.all(NAMES.map(() => startSession(fleet.client, [prompt])));
    for (const session of sessions) await session.seen(({ type }) => type === 'turn.started');
    await fleet.controlPlane.kill('worker');

    const holders = new Set<string>();
    for (const session of sessions) {
      const { tasks } = await session.ended('completed');
      const log = await readLog(fleet.client, session.id);
      expectOneLease(log);
      expect(tasks).toMatchObject([{ attempt: 1, epoch: 1 }]);
      expectWhole(log);
      expectSameLog(session.watch, log);
      for (const event of log) if (event.type === 'lease.granted') holders.add(event.data.agent_id);
      expectAgreement(log, fleet.conversationOf(session.id));
      session.watch.close();
    }
    expect(holders).toEqual(new Set(agents.map(({ id }) => id)));
  });
});
