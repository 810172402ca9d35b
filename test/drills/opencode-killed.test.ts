import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { expectAgreement, expectOneLease, expectSameLog, expectWhole, readLog } from '../system/support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { startSession } from '../system/support/started-session.ts';

let fleet: Fleet;
let agent: AgentProcess;
let unlucky: AgentProcess;
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '15' });
  agent = await fleet.agent('AGENT-A', { labels: ['host=a'] }).start();
  unlucky = await fleet.agent('AGENT-B', { labels: ['host=b'] }).start();
});
afterAll(() => fleet.stop());

describe.concurrent('an OpenCode server that is killed during a turn', { timeout: 400_000 }, () => {
  const work = 'run echo once >> kept.txt\nslow 8 200\nrun sleep 2; echo done > done.txt\nslow 8 200';

  it('is restarted, and every session continues its conversation to the end', async () => {
    for (const seed of [1, 2]) {
      const two = await Promise.all(
        [1, 2].map(() => startSession(fleet.client, [work], { required_labels: ['host=a'] })),
      );
      for (const session of two) await session.seen(({ type }) => type === 'tool');
      await delay(seededRandom(seed)() * 4_000);
      await agent.killOpenCode();
      for (const session of two) {
        const { tasks } = await session.ended('completed');
        const log = await readLog(fleet.client, session.id);
        expectOneLease(log);
        expect(tasks, `seed ${seed}`).toMatchObject([{ attempt: 1, epoch: 1 }]);
        expectWhole(log);
        expectSameLog(session.watch, log);
        const conversation = fleet.conversationOf(session.id);
        expect(new Set(conversation.map(({ info }) => info.sessionID)).size, `seed ${seed}`).toBe(1);
        expectAgreement(log, conversation);
        const { files } = await fleet.client.sessions.diff(session.id);
        expect(files.map(({ path }) => path)).toEqual(['done.txt', 'kept.txt']);
        session.watch.close();
      }
    }
  });

  it('ends the attempt with an error when it is killed again and again', async () => {
    const prompt = 'run sleep 60';
    const session = await startSession(fleet.client, [prompt], { required_labels: ['host=b'], max_attempts: 1 });
    await session.seen((e) => e.type === 'tool' && e.data.state === 'running');
    for (let kills = 1; kills <= 3; kills++) {
      await unlucky.killOpenCode();
      await session.seen((e) => e.type === 'agent.note' && e.data.text.includes('OpenCode was restarted'), kills);
      await session.seen((e) => e.type === 'tool' && e.data.state === 'running', kills + 1);
    }
    await unlucky.killOpenCode();
    const { error } = await session.ended('failed');
    expect(error).toMatchObject({ code: 'opencode_unavailable', message: expect.stringContaining('OpenCode') });
    const log = await readLog(fleet.client, session.id);
    expectWhole(log);
    expectSameLog(session.watch, log);
    session.watch.close();
  });
});
