import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import type { SessionEvent } from '../../src/protocol/events/envelope.ts';
import { eventually } from '../support/eventually.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { expectWhole, readLog } from '../system/support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { agentsOf, outputsOf, startGraph, whenEnded } from '../system/support/session-of-tasks.ts';
import { Gate, Meeting } from '../system/support/tools.ts';

const NAMES = ['ONE', 'TWO', 'THREE', 'FOUR'];

let fleet: Fleet;
/** Each with a clone of its own, for one task at a time. */
let runners: AgentProcess[];
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '10' });
  runners = NAMES.map((name) => fleet.agent(`AGENT-${name}`, { capacity: 1 }));
});
beforeEach(async () => {
  // The remains of a failed drill must not fail the next one.
  for (const runner of runners) if (!runner.isRunning) await runner.start();
});
afterAll(() => fleet.stop());

const patchOf = async (id: string) => new TextDecoder().decode(await fleet.client.sessions.patch(id));
const statusesOf = (log: readonly SessionEvent[], task: number) =>
  log.flatMap((event) => (event.type === 'task.status' && event.task === task ? [event.data.to] : []));

/** Resolves when a task has an event like that. */
function seen(id: string, fits: (event: SessionEvent) => boolean): Promise<void> {
  return eventually(async () => {
    if (!(await readLog(fleet.client, id)).some(fits)) throw new Error('There is no such event yet.');
  });
}

describe('tasks that run in parallel, each in its own clone', { timeout: 400_000 }, () => {
  it('the parts of a CRUD are done and checked as a whole, undisturbed by a control plane that is killed twice', async () => {
    const meeting = new Meeting(join(fleet.path, 'crud'), 4);
    const [parallel, last] = [new Gate(join(fleet.path, 'crud-parallel')), new Gate(join(fleet.path, 'crud-last'))];
    const made = 'run echo made > made-$(basename "$PWD").txt';
    const { id } = await fleet.client.sessions.create({
      title: 'CRUD of orders',
      // The tests are the sixth task.
      initial_prompt: [
        meeting.directive,
        parallel.directive,
        `${made}; case $PWD in *6-1) ls made-*.txt | wc -l; ${last.directive.replace('run ', '')};; esac`,
      ].join('\n'),
      plan: 'template',
      checks: ['[ $(ls made-*.txt | wc -l) = 5 ]'],
    });
    await fleet.client.sessions.act(id, 'start');
    await meeting.begins();
    const killed = fleet.controlPlane.kill('worker');
    // The agents work on while nobody hears them.
    parallel.open();
    await killed;
    await seen(id, ({ type, task }) => type === 'turn.started' && task === 6);
    const restarted = fleet.controlPlane.killLauncherAndRestart();
    last.open();
    await restarted;

    const session = await whenEnded(fleet.client, id);
    expect(session.status, JSON.stringify(session)).toBe('completed');
    const log = await readLog(fleet.client, id);
    expectWhole(log);
    const parts = session.tasks.filter(({ kind, parent_task_id }) => kind === 'work' && parent_task_id !== null);
    expect(parts.map(({ title }) => title)).toEqual(
      ['Create', 'Read', 'Update', 'Delete', 'Tests'].map((title) => `${title}: CRUD of orders`),
    );
    expect(new Set(parts.slice(0, 4).map(({ agent_id }) => agent_id)).size).toBe(4);
    for (const { id } of parts) expect(agentsOf(log, taskNumber(id)), 'one lease').toHaveLength(1);
    expect(outputsOf(log, 6)).toContainEqual(expect.stringContaining('5\n'));
    expect(session.result).toMatchObject({ success: true, checks: [{ outcome: 'passed' }] });
    const patch = await patchOf(id);
    for (const part of parts) expect(patch).toContain(`b/made-${part.id}`);
  });

  it('another runner in its own clone takes over a task, while its siblings keep their leases', async () => {
    const meeting = new Meeting(join(fleet.path, 'siblings'), 3);
    const gate = new Gate(join(fleet.path, 'siblings-gate'));
    const names = ['a', 'b', 'c'];
    const id = await startGraph(
      fleet.client,
      names.map((name) => ({
        title: `Make ${name}`,
        description: [`write ${name}.txt: begun`, meeting.directive, gate.directive, `append ${name}.txt: done`].join(
          '\n',
        ),
      })),
    );
    await meeting.begins();
    await fleet.client.sessions.requestCheckpoint(id);
    await seen(id, ({ type, task }) => type === 'checkpoint.created' && task === 3);
    const [, taken] = await readTasks(id);
    const victim = runners.find((runner) => runner.id === taken!.agent_id)!;
    await victim.kill();
    await seen(id, (event) => event.type === 'lease.granted' && event.task === 3 && event.data.epoch > 1);
    const siblings = (await readTasks(id)).filter((task) => task.id !== taken!.id);
    for (const sibling of siblings) expect(sibling).toMatchObject({ status: 'in_progress', epoch: 1 });
    gate.open();

    const session = await whenEnded(fleet.client, id);
    expect(session.status, JSON.stringify(session)).toBe('completed');
    const log = await readLog(fleet.client, id);
    expectWhole(log);
    for (const { id, agent_id } of siblings) expect(agentsOf(log, taskNumber(id))).toEqual([agent_id]);
    const [first, heir] = agentsOf(log, 3);
    expect(first).toBe(taken!.agent_id);
    expect([first, ...siblings.map(({ agent_id }) => agent_id)]).not.toContain(heir);
    const granted = log.filter((event) => event.type === 'lease.granted' && event.task === 3);
    expect(granted.at(-1)).toMatchObject({ data: { checkpoint: expect.any(Number) } });
    const patch = await patchOf(id);
    for (const name of names)
      expect(patch).toMatch(new RegExp(`b/${name}\\.txt\\n@@ -0,0 \\+1,2 @@\\n\\+begun\\n\\+done\\n`));
  });

  it('four tasks complete, each once, while runners, OpenCode and workerd are killed at random', async () => {
    const seed = inject('seed');
    const random = seededRandom(seed);
    const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)]!;
    const kills = {
      runner: async () => {
        const victim = pick(runners);
        await victim.kill();
        await victim.start();
      },
      opencode: () => pick(runners).killOpenCode(),
      workerd: () => fleet.controlPlane.kill('worker'),
    };
    const kinds = Object.keys(kills) as (keyof typeof kills)[];
    const inRandomOrder = kinds.map((kind) => ({ kind, place: random() })).sort((a, b) => a.place - b.place);
    const order = [...inRandomOrder.map(({ kind }) => kind), pick(kinds)];
    const gate = new Gate(join(fleet.path, 'random-gate'));
    const meeting = new Meeting(join(fleet.path, 'random'), 4);
    const work = (name: string) => [
      meeting.directive,
      `write ${name}.txt: ${name}`,
      'slow 10 100',
      gate.directive,
      'slow 10 100',
      `run echo ${name} > after-${name}.txt`,
      'slow 10 100',
    ];
    const names = ['a', 'b', 'c', 'd'];
    const all = names.map((name) => ({ name, title: `Make ${name}`, description: work(name).join('\n') }));
    const last = { title: 'Count', description: 'run ls *.txt | tr "\\n" " "', depends_on: names };
    const id = await startGraph(fleet.client, [...all, last], { max_attempts: 10 });
    await meeting.begins();
    for (const [index, kind] of order.entries()) {
      // The last one comes while the work ends.
      if (index === order.length - 1) gate.open();
      await delay(random() * 1_500);
      await kills[kind]!();
    }

    const session = await whenEnded(fleet.client, id);
    const about = `seed ${seed}: ${order.join(', ')}`;
    expect(session.status, `${about}: ${JSON.stringify(session)}`).toBe('completed');
    const log = await readLog(fleet.client, id);
    expectWhole(log);
    for (const task of [2, 3, 4, 5, 6]) {
      expect(
        statusesOf(log, task).filter((status) => status === 'completed'),
        about,
      ).toEqual(['completed']);
    }
    const files = names.flatMap((name) => [`${name}.txt`, `after-${name}.txt`]).sort();
    expect(outputsOf(log, 6).at(-1), about).toBe(`${files.join(' ')} `);
    const diff = await fleet.client.sessions.diff(id);
    expect(diff.files, about).toEqual(files.map((path) => ({ path, status: 'added', additions: 1, deletions: 0 })));
    const granted = log.filter(({ type }) => type === 'lease.granted').length;
    console.log(`${about}; ${granted} leases for 5 tasks`);
    // Otherwise the kills have hit nothing, and the drill shows nothing.
    expect(granted, about).toBeGreaterThan(5);
  });
});

/** The tasks of a graph, without the session's own. */
async function readTasks(id: string) {
  return (await fleet.client.sessions.get(id, ['tasks'])).tasks!.slice(1);
}
