import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent } from '../../runner/agent.ts';
import { startAgentsInProcess } from '../system/support/agents-in-process.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { type OpenCodeRig, startOpenCodeRig } from '../system/support/rig.ts';
import { startSession } from '../system/support/started-session.ts';
import { expectUndisturbed } from '../system/support/undisturbed.ts';

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
      const log = await expectUndisturbed(fleet, session);
      for (const event of log) if (event.type === 'lease.granted') holders.add(event.data.agent_id);
    }
    expect(holders).toEqual(new Set(agents.map(({ id }) => id)));
  });
});
