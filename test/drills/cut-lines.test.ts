import { afterAll, beforeAll, describe, it } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { startSession } from '../system/support/started-session.ts';
import { TcpProxy } from '../system/support/tcp-proxy.ts';
import { expectUndisturbed } from '../system/support/undisturbed.ts';

const SEED = 1;
const CUTS = 200;
const PAUSE_MS = 60;

let fleet: Fleet;
let proxy: TcpProxy;
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '30' });
  proxy = await TcpProxy.start(fleet.controlPlane.url);
  await fleet.agent('AGENT-A', { url: proxy.url }).start();
});
afterAll(async () => {
  await proxy.stop();
  await fleet.stop();
});

describe('connections that are cut again and again', () => {
  it(`leave watcher and agent with exactly the server’s log after ${CUTS} random cuts (seed ${SEED})`, async () => {
    const watcher = fleet.controlPlane.clientAt(proxy.url);
    const prompts = ['slow 60 150\nrun echo one > one.txt', 'slow 60 150'];
    const sessions = await Promise.all([1, 2, 3].map(() => startSession(fleet.client, prompts, { watcher })));
    for (const session of sessions) await session.seen(({ type }) => type === 'turn.started');
    await proxy.cutAtRandom(CUTS, PAUSE_MS, seededRandom(SEED));
    for (const session of sessions) await expectUndisturbed(fleet, session);
  });
});
