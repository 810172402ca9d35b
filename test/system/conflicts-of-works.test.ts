import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Agent } from '../../runner/agent.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import { eventually } from '../support/eventually.ts';
import { gitIn } from '../support/git-in.ts';
import { startAgentsInProcess } from './support/agents-in-process.ts';
import { readLog } from './support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from './support/fleet.ts';
import { type OpenCodeRig, startOpenCodeRig } from './support/rig.ts';
import { agentsOf, outputsOf, startGraph, whenEnded } from './support/session-of-tasks.ts';
import { Meeting } from './support/tools.ts';

const [RED, BLUE, SHOWN] = [2, 3, 4];

let fleet: Fleet;
let rig: OpenCodeRig;
let agents: Agent[] = [];
/** Their names by their ids. */
const names = new Map<string, string>();
beforeAll(async () => {
  fleet = await startFleet(NO_POSTGRES);
  rig = await startOpenCodeRig(join(fleet.path, 'opencode'), fleet.model);
  agents = await startAgentsInProcess(fleet, rig, ['AGENT-ONE', 'AGENT-TWO', 'AGENT-THREE']);
  for (const { id, name } of await fleet.client.agents.list()) names.set(id, name);
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await rig.stop();
  await fleet.stop();
});

/** A session in which two agents make conflicting works, with which a last task begins. */
function startConflict(paint: (colour: string) => string, name: string): Promise<string> {
  const meeting = new Meeting(join(fleet.path, name), 2);
  const part = (colour: string) => ({
    name: colour,
    title: `Paint it ${colour}`,
    description: `${meeting.directive}\n${paint(colour)}`,
  });
  const show = { title: 'Show it', description: 'run cat colour.txt', depends_on: ['red', 'blue'] };
  return startGraph(fleet.client, [part('red'), part('blue'), show], { max_attempts: 1 });
}

const write = (colour: string) => `write colour.txt: ${colour}`;

async function commitOf(id: string, task: number): Promise<string> {
  const made = (await fleet.client.sessions.checkpoints(id)).filter(({ task_id }) => taskNumber(task_id) === task);
  return made.reduce((newest, one) => (one.number > newest.number ? one : newest)).commit!;
}

it('a third agent resolves the conflict of two parallel tasks, and the task after them begins with its result', async () => {
  const id = await startConflict(write, 'third');
  const session = await whenEnded(fleet.client, id);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  const log = await readLog(fleet.client, id);
  const resolve = taskNumber(session.tasks.find(({ kind }) => kind === 'resolve')!.id);
  expect(log.find(({ type }) => type === 'task.conflict')).toMatchObject({
    task: SHOWN,
    data: { ours: [RED], theirs: BLUE, resolve, files: [{ path: 'colour.txt', kind: 'add_add' }] },
  });
  const [authors, resolvers] = [[RED, BLUE].flatMap((task) => agentsOf(log, task)), agentsOf(log, resolve)];
  expect(new Set([...authors, ...resolvers])).toEqual(new Set(names.keys()));
  expect(resolvers).toHaveLength(1);

  // The scripted model does what both tasks were to do, one after the other, so blue is its decision.
  expect(outputsOf(log, SHOWN)).toEqual(['blue\n']);
  expect(new TextDecoder().decode(await fleet.client.sessions.patch(id))).toContain('\n+blue\n');
  const [red, blue, resolved] = await Promise.all([RED, BLUE, resolve].map((task) => commitOf(id, task)));
  const clone = join(fleet.path, names.get(agentsOf(log, SHOWN).at(-1)!)!, 'clone');
  expect(gitIn(clone, 'rev-list', '--parents', '-1', resolved!)).toBe(`${resolved} ${red} ${blue}`);
  const items = await fleet.client.sessions.approvals(id);
  expect(items.map(({ kind, status }) => [kind, status])).toEqual([['conflict', 'withdrawn']]);
});

it('a resolution that leaves git’s conflict markers is given back to the model, and is refused when they stay', async () => {
  const id = await startConflict((colour) => `run [ -e colour.txt ] || echo ${colour} > colour.txt`, 'markers');
  const session = await whenEnded(fleet.client, id);
  expect(session.status).toBe('failed');
  expect(session.error, JSON.stringify(session)).toMatchObject({ code: 'conflict_unresolved' });
  const resolve = session.tasks.find(({ kind }) => kind === 'resolve')!;
  expect(session.tasks.find(({ id }) => taskNumber(id) === SHOWN)).toMatchObject({
    status: 'skipped',
    caused_by: resolve.id,
  });
  const told = fleet.conversationOf(id).filter(({ info }) => info.role === 'user');
  expect(JSON.stringify(told.at(-1))).toContain('still with git');
});

it('while only its authors are there, a person decides a conflict with one side, and no model runs for it', async () => {
  const third = [...names].find(([, name]) => name === 'AGENT-THREE')![0];
  await fleet.client.agents.drain(third);
  const id = await startConflict(write, 'person');
  const item = await eventually(async () => {
    const items = await fleet.client.sessions.approvals(id);
    const open = items.find(({ kind, status }) => kind === 'conflict' && status === 'open');
    if (open === undefined) throw new Error('no conflict yet');
    return open;
  });
  expect(item.questions).toMatchObject([
    { question: 'Which version of colour.txt should be kept?', header: 'add_add' },
  ]);
  await fleet.client.sessions.answer(id, item.id, { decision: 'once', answers: [['ours']] });
  const session = await whenEnded(fleet.client, id);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  const log = await readLog(fleet.client, id);
  const resolve = taskNumber(session.tasks.find(({ kind }) => kind === 'resolve')!.id);
  const answered = log.findIndex(({ type }) => type === 'approval.answered');
  expect(log.findIndex(({ type, task }) => type === 'lease.granted' && task === resolve)).toBeGreaterThan(answered);
  expect(log.filter(({ type, task }) => type === 'turn.started' && task === resolve)).toEqual([]);
  expect(outputsOf(log, SHOWN)).toEqual(['red\n']);
  await fleet.client.agents.resume(third);
});
