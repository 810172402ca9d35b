import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionEvent } from '../../src/protocol/events/envelope.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { expectSameLog, expectWhole, readLog } from '../system/support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { startSession } from '../system/support/started-session.ts';
import { sleepOnce } from '../system/support/tools.ts';
import { expectUndisturbed } from '../system/support/undisturbed.ts';

let fleet: Fleet;
let agent: AgentProcess;
let unlucky: AgentProcess;
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '15' });
  agent = await fleet.agent('AGENT-A', { labels: ['host=a'] }).start();
  unlucky = await fleet.agent('AGENT-B', { labels: ['host=b'] }).start();
});
afterAll(() => fleet.stop());

const START = 'as the turn starts';
const TOOL = 'while a tool runs';

/** When the server is killed: after this event. */
const MOMENTS: { moment: string; isReached: (event: SessionEvent) => boolean }[] = [
  { moment: START, isReached: ({ type }) => type === 'turn.started' },
  { moment: 'while the model streams text before a tool', isReached: (event) => says(event, 'before') },
  {
    moment: TOOL,
    isReached: (e) => e.type === 'tool' && e.data.state === 'running' && JSON.stringify(e).includes('sleep'),
  },
  { moment: 'while the model streams its last answer', isReached: (event) => says(event, 'after') },
];

function says(event: SessionEvent, word: string): boolean {
  return event.type === 'text.delta' && event.data.text.includes(word);
}

const isRestarted = (e: SessionEvent) => e.type === 'agent.note' && e.data.text.includes('OpenCode was restarted');

/** Tools and streamed text. @param tool a directive between the two texts */
function work(tool: string): string {
  return ['run echo once >> kept.txt', 'say before', 'slow 20 200', tool, 'say after', 'slow 20 200'].join('\n');
}

describe('an OpenCode server that is killed during a turn', { timeout: 400_000 }, () => {
  it.each(MOMENTS)('is restarted, and every session continues its conversation to the end ($moment)', async (kill) => {
    const { moment, isReached } = kill;
    const two = await Promise.all(
      [1, 2].map((number) => {
        const tool = moment === TOOL ? sleepOnce(join(fleet.path, `slept-${number}`)) : 'run true';
        return startSession(fleet.client, [work(`${tool}\nrun echo done > done.txt`)], { required_labels: ['host=a'] });
      }),
    );
    for (const session of two) await session.seen(isReached);
    await agent.killOpenCode();
    for (const session of two) {
      const log = await expectUndisturbed(fleet, session);
      // As a turn starts, its prompt may not have reached the server yet, and then nothing is cut off.
      if (moment !== START) expect(log.findIndex(isRestarted)).toBeGreaterThan(log.findIndex(isReached));
      const conversation = fleet.conversationOf(session.id);
      expect(new Set(conversation.map(({ info }) => info.sessionID)).size).toBe(1);
      const { files } = await fleet.client.sessions.diff(session.id);
      expect(files.map(({ path }) => path)).toEqual(['done.txt', 'kept.txt']);
    }
  });

  it('ends the attempt with an error when it is killed again and again', async () => {
    const prompt = 'run sleep 60';
    const session = await startSession(fleet.client, [prompt], { required_labels: ['host=b'], max_attempts: 1 });
    await session.seen((e) => e.type === 'tool' && e.data.state === 'running');
    for (let kills = 1; kills <= 3; kills++) {
      await unlucky.killOpenCode();
      await session.seen(isRestarted, kills);
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
