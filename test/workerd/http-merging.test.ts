import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { sessionName } from '../../src/adapters/objects/names.ts';
import type { RegisteredAgent } from '../../src/protocol/agent/agent.ts';
import type { Page } from '../../src/protocol/common/page.ts';
import type { ClaimedWork, OfferedAssignment, ResultReport } from '../../src/protocol/run/reports.ts';
import type { ApprovalView } from '../../src/protocol/session/approval.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import type { GraphCreated, SessionGraph } from '../../src/protocol/session/task.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

const BASE = 'b'.repeat(40);
const PATCH = new TextEncoder().encode('diff --git a/a.txt b/a.txt\n');
const MERGES = { can_merge: true, wait_seconds: 20 };
/** For an agent that is to get nothing. */
const IN_VAIN = { wait_seconds: 1 };

/** A workspace with agents over plain HTTP. The session's object loses its memory before each of its requests. */
async function place() {
  const workspace = newWorkspace();
  const admin = await signToken('admin', workspace);
  let evict = async () => {};
  const post = async <T>(path: string, body: object, token = admin): Promise<T> => {
    await evict();
    const response = await ask(`/api/v1/${path}`, { token, body });
    expect(response.status, `${path}: ${await response.clone().text()}`).toBeLessThan(300);
    return response.status === 204 ? (null as T) : response.json();
  };
  const read = async <T>(path: string): Promise<T> => (await ask(`/api/v1/${path}`, { token: admin })).json();

  async function agent(name: string, capabilities: string[] = ['conflict_resolution']) {
    const { id, token } = await post<RegisteredAgent>('agents', { name, agent_type: 'integrator', capabilities });
    const send = <T>({ task_id, epoch }: OfferedAssignment, what: string, body: object) =>
      post<T>(`leases/${task_id}/${epoch}/${what}`, body, token);
    return {
      id,
      claim: async (body: object = MERGES) =>
        (await post<ClaimedWork>(`agents/${id}/claim`, body, token)).assignments[0],
      conflict: (work: OfferedAssignment, body: object) => send<null>(work, 'conflict', body),
      /** Reports work as a checkpoint with a commit, and the result. */
      finish: async (work: OfferedAssignment, commit: string) => {
        const artifact_id = crypto.randomUUID();
        const sha256 = 'f'.repeat(64);
        await send(work, 'artifacts', { n: 1, artifact_id, index: 0, data: btoa(String.fromCharCode(...PATCH)) });
        const patch = { artifact_id, bytes: PATCH.length, sha256 };
        await send(work, 'checkpoints', { n: 2, turn: 1, messages_done: 0, base_commit: BASE, commit, patch });
        return send<ResultReport>(work, 'result', { status: 'completed', output: commit });
      },
    };
  }

  async function session(tasks: object[]) {
    const body = { title: 'A session', initial_prompt: 'Do it' };
    const { id } = await post<SessionView>('sessions', body);
    const { task_ids } = await post<GraphCreated>(`sessions/${id}/tasks`, {
      tasks: tasks.map((task) => ({ title: 'A task', description: 'Do it', ...task })),
    });
    await post(`sessions/${id}/start`, {});
    const stub = env.SESSION.getByName(sessionName(workspace, id));
    // It is not running if nothing has asked it since the last time.
    evict = () => evictDurableObject(stub).catch(() => undefined);
    return {
      id,
      task_ids,
      view: () => read<SessionView>(`sessions/${id}?include=tasks`),
      graph: () => read<SessionGraph>(`sessions/${id}/graph`),
      diff: () => read<{ commit: string }>(`sessions/${id}/diff`),
      approvals: async () => (await read<Page<ApprovalView>>(`sessions/${id}/approvals`)).items,
      answer: (approval: string, answer: object) => post(`sessions/${id}/approvals/${approval}`, answer),
    };
  }
  return { agent, session };
}

const FAN_IN = [
  { name: 'a', title: 'Add the flag' },
  { name: 'b', title: 'Rename the file' },
  { title: 'Test both', depends_on: ['a', 'b'] },
];

/** Two agents have done two tasks, and the merge of their works, with which the third one begins, is in conflict. */
async function inConflict() {
  const { agent, session: create } = await place();
  const session = await create(FAN_IN);
  const [one, two] = [await agent('AGENT-ONE'), await agent('AGENT-TWO')];
  const works = [(await one.claim())!, (await two.claim())!];
  await one.finish(works[0]!, 'commit of one');
  await two.finish(works[1]!, 'commit of two');
  const work = (await one.claim())!;
  expect(work).toMatchObject({ task_id: session.task_ids[2], start: { base_commit: BASE, from: [1, 2] } });
  expect(work.start!.works.map(({ commit }) => commit)).toEqual(['commit of one', 'commit of two']);
  const files = [{ path: 'a.txt', kind: 'content', ours: 'one\n', theirs: 'two\n' }];
  await one.conflict(work, { ours: [1], theirs: 2, files, total: 1 });
  const tasks = (await session.view()).tasks!;
  expect(tasks.map(({ status }) => status)).toEqual(['in_progress', 'completed', 'completed', 'blocked', 'ready']);
  const [approval] = await session.approvals();
  expect(approval).toMatchObject({ kind: 'conflict', task_id: work.task_id, status: 'open' });
  expect(tasks[3]!.blocked_by).toMatchObject({ kind: 'conflict', approval_id: approval!.id });
  return { agent, session, one, two, approval: approval!, blocked: work.task_id };
}

it('a conflict is resolved by an agent that has made neither work and merges; then the task goes on with that', async () => {
  const { agent, session, one, two, blocked } = await inConflict();
  for (const author of [one, two]) expect(await author.claim({ ...MERGES, ...IN_VAIN })).toBeUndefined();
  expect(await (await agent('AGENT-LATE')).claim(IN_VAIN), 'it does not merge').toBeUndefined();
  expect(await (await agent('AGENT-PLAIN', [])).claim({ ...MERGES, ...IN_VAIN }), 'it is no judge').toBeUndefined();
  const third = await agent('AGENT-THIRD');
  const resolve = (await third.claim())!;
  expect(resolve).toMatchObject({
    kind: 'resolve',
    resolution: { blocked_task_id: blocked, choices: null },
    start: { from: [1, 2], parents: [1, 2] },
  });
  expect(resolve.input.messages[0]!.text).toContain('## Add the flag');
  await third.finish(resolve, 'commit of third');
  expect(await session.approvals()).toMatchObject([{ status: 'withdrawn' }]);
  const work = (await two.claim())!;
  expect(work).toMatchObject({ task_id: blocked, start: { from: [3], parents: [3] } });
  expect(await two.finish(work, 'commit of all')).toMatchObject({ final: true, session_status: 'completed' });
  expect(await session.view()).toMatchObject({ status: 'completed', result: { commit: 'commit of all' } });
  expect(await session.diff()).toMatchObject({ commit: 'commit of all' });
  expect((await session.graph()).edges).toHaveLength(5);
});

it('a conflict that a person decides is carried out by any agent, also by an author', async () => {
  const { session, one, approval, blocked } = await inConflict();
  await session.answer(approval.id, { decision: 'once', answers: [['theirs']] });
  const resolve = (await one.claim())!;
  const choices = [{ path: 'a.txt', side: 'theirs' }];
  expect(resolve).toMatchObject({ kind: 'resolve', resolution: { choices }, checkpoint: null });
  await one.finish(resolve, 'commit of choice');
  expect(await one.claim()).toMatchObject({ task_id: blocked, start: { from: [3] } });
});

it('a conflict that a person refuses to resolve fails the task and the session', async () => {
  const { session, approval } = await inConflict();
  await session.answer(approval.id, { decision: 'reject' });
  const { status, error, tasks } = await session.view();
  expect([status, error!.code]).toEqual(['failed', 'merge_conflict']);
  expect(tasks!.slice(3).map((task) => task.status)).toEqual(['failed', 'cancelled']);
});

it('the works of several last tasks are merged in one more, only by an agent that merges', async () => {
  const { agent, session: create } = await place();
  const session = await create([{}, {}]);
  const one = await agent('AGENT-ONE');
  for (const commit of ['first', 'second']) await one.finish((await one.claim())!, commit);
  expect(await session.view()).toMatchObject({ status: 'queued', tasks: [{}, {}, {}, { kind: 'integrate' }] });
  expect(await (await agent('AGENT-LATE')).claim(IN_VAIN)).toBeUndefined();
  const work = (await one.claim())!;
  expect(work).toMatchObject({ kind: 'integrate', input: { messages: [] }, start: { from: [1, 2], parents: [1, 2] } });
  expect(await one.finish(work, 'commit of all')).toMatchObject({ session_status: 'completed' });
  expect(await session.view()).toMatchObject({ result: { commit: 'commit of all' } });
});
