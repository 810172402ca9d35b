import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { isKept } from '../../runner/git/kept-worktrees.ts';
import { eventually } from '../support/eventually.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { expectAgreement, expectSameLog, expectWhole, readLog } from '../system/support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { type StartedSession, startSession } from '../system/support/started-session.ts';

const RUNNERS = 3;
const CAPACITY = 2;
const SESSIONS = 20;
const MAX_KILLS = 12;
/** A kill comes at most so long after the last victim is back. */
const MAX_PAUSE_MS = 3_000;

let fleet: Fleet;
let runners: AgentProcess[];
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '6' });
  runners = Array.from({ length: RUNNERS }, (_, index) => fleet.agent(`AGENT-${index}`, { capacity: CAPACITY }));
  for (const runner of runners) await runner.start();
});
afterAll(() => fleet.stop());

function start(number: number): Promise<StartedSession> {
  const work = `slow 8 200\nrun echo ${number} > file${number}.txt\nslow 8 200`;
  return startSession(fleet.client, [work, `run test -e file${number}.txt && git status --porcelain\nsay Done.`]);
}

/** Kills one runner after the other, each at a random moment, until all sessions have ended. @returns how many */
async function killAtRandom(random: () => number, haveEnded: () => boolean): Promise<number> {
  for (let kills = 0; ; kills++) {
    await delay(random() * MAX_PAUSE_MS);
    if (haveEnded() || kills === MAX_KILLS) return kills;
    const victim = runners[Math.floor(random() * RUNNERS)]!;
    await victim.kill();
    await victim.start();
  }
}

/** A runner that was killed needs seconds to be back, and a busy machine many of them. */
const TIMEOUT_MS = 400_000;

it(
  'twenty sessions complete, each with its work once, while one of three runners after the other is killed',
  async () => {
    const seed = inject('seed');
    const random = seededRandom(seed);
    const sessions: StartedSession[] = [];
    for (let number = 1; number <= SESSIONS; number++) sessions.push(await start(number));
    const haveEnded = () => sessions.every(({ watch }) => watch.state.status === 'completed');
    const kills = await killAtRandom(random, haveEnded);

    let lost = 0;
    for (const [index, session] of sessions.entries()) {
      const about = `seed ${seed}, session ${index + 1}`;
      const { tasks } = await session.ended('completed');
      expect(tasks, about).toMatchObject([{ status: 'completed' }]);
      const log = await readLog(fleet.client, session.id);
      expectWhole(log);
      expectSameLog(session.watch, log);
      expectAgreement(log, fleet.conversationOf(session.id));
      const { files } = await fleet.client.sessions.diff(session.id);
      const file = `file${index + 1}.txt`;
      expect(files, about).toEqual([{ path: file, status: 'added', additions: 1, deletions: 0 }]);
      const results = log.filter((event) => event.type === 'session.status' && event.data.to === 'completed');
      expect(results, about).toHaveLength(1);
      lost += log.filter((event) => event.type === 'session.status' && event.data.to === 'orphaned').length;
      session.watch.close();
    }
    console.log(`seed ${seed}: ${kills} kills, ${lost} leases lost`);
    // Otherwise the kills have hit nothing, and the drill shows nothing.
    expect(lost, `seed ${seed}`).toBeGreaterThan(0);

    await eventually(async () => {
      const { agents, queue } = await fleet.client.agents.stats();
      expect(agents).toMatchObject({ total: RUNNERS, by_load: { idle: RUNNERS } });
      expect(queue.waiting).toBe(0);
    });
    for (const runner of runners) {
      await runner.stop();
      expect(runner.livingProcesses()).toEqual([]);
      expect(runner.leftoverNames()).toEqual([]);
      expect(worktreesOf(runner)).toEqual([]);
    }
  },
  TIMEOUT_MS,
);

function worktreesOf({ place }: AgentProcess): string[] {
  const directory = join(place.home, 'worktrees');
  return existsSync(directory) ? readdirSync(directory).filter((name) => !isKept(join(directory, name))) : [];
}
