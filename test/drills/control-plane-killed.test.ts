import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { startSession } from '../system/support/started-session.ts';
import { expectUndisturbed } from '../system/support/undisturbed.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const LEASE_TTL_SECONDS = 15;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: String(LEASE_TTL_SECONDS) });
  await fleet.agent('AGENT-A').start();
});
afterAll(() => fleet.stop());

/** Work of a few seconds: streamed text and a slow tool. */
function prompts(seed: number): string[] {
  const file = `file${seed}.txt`;
  return [`slow 8 150\nrun echo one > ${file}`, `run sleep 1; echo two >> ${file}\nslow 8 100`];
}

/** Creates sessions one after the other until it is stopped. Returns the acknowledged ids. */
async function createUntil(isOver: () => boolean): Promise<string[]> {
  const ids: string[] = [];
  while (!isOver()) {
    const { id } = await fleet.client.sessions.create({ title: 'Acknowledged', initial_prompt: 'say nothing' });
    ids.push(id);
    await delay(200);
  }
  return ids;
}

describe('a control plane that is killed under running sessions', () => {
  const killings = SEEDS.map((seed) => ({ seed, victim: seed % 2 === 0 ? 'launcher' : 'workerd' }));
  it.each(killings)('does not affect the sessions when it restarts ($victim, seed $seed)', async (killing) => {
    const { seed, victim } = killing;
    const sessions = await Promise.all([1, 2].map(() => startSession(fleet.client, prompts(seed))));
    let isOver = false;
    const creating = createUntil(() => isOver);
    await sessions[0]!.seen(({ type }) => type === 'turn.started');
    await delay(seededRandom(seed)() * 2_500);
    if (victim === 'workerd') await fleet.controlPlane.kill('worker');
    else await fleet.controlPlane.killLauncherAndRestart();

    for (const session of sessions) await expectUndisturbed(fleet, session);
    isOver = true;
    const acknowledged = await creating;
    for (const id of acknowledged) expect((await fleet.client.sessions.get(id)).status).toBe('pending');
    // The directory may learn of a session after its author does, if the control plane dies in between.
    await eventually(async () => {
      const { items } = await fleet.client.sessions.list({ page_size: 100 });
      const listed = new Set(items.map(({ id }) => id));
      for (const id of acknowledged.slice(-50)) expect(listed.has(id)).toBe(true);
    });
    await fleet.client.sessions.bulk({ action: 'cancel', session_ids: acknowledged.slice(0, 100) });
  });

  it('ends no lease when it was down for longer than a lease lasts', async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => startSession(fleet.client, prompts(0))));
    for (const session of sessions) await session.seen(({ type }) => type === 'turn.started');
    await fleet.controlPlane.killLauncherAndRestart((LEASE_TTL_SECONDS + 1) * 1_000);
    for (const session of sessions) await expectUndisturbed(fleet, session);
  });
});
