import { describe, expect, it } from 'vitest';
import type { RegisteredAgent } from '../../src/protocol/agent/agent.ts';
import type { ClaimedWork, LeaseReport, OfferedAssignment, ResultReport } from '../../src/protocol/run/reports.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

/** A workspace with agents that have no sockets, and sessions that run. */
async function fleet() {
  const admin = await signToken('admin', newWorkspace());
  const post = async <T>(path: string, body: object, token = admin) => {
    const response = await ask(`/api/v1/${path}`, { token, body });
    return { status: response.status, body: (response.status === 204 ? null : await response.json()) as T };
  };
  const read = async <T>(path: string) => (await (await ask(`/api/v1/${path}`, { token: admin })).json()) as T;

  async function agent(name = 'AGENT-HTTP', more: object = {}) {
    const profile = { name, agent_type: 'implementer', capabilities: [], ...more };
    const { id, token } = (await post<RegisteredAgent>('agents', profile)).body;
    const under = (lease: Lease) => `leases/${lease.task_id}/${lease.epoch}`;
    return {
      id,
      token,
      claim: async (body: object = {}) => (await post<ClaimedWork>(`agents/${id}/claim`, body, token)).body.assignments,
      post: <T>(path: string, body: object) => post<T>(path, body, token),
      report: (lease: Lease, events: object[] = [], more: object = {}) =>
        post<LeaseReport & Problem>(`${under(lease)}/events`, { events, ...more }, token),
      send: <T = LeaseReport & Problem>(lease: Lease, what: string, body: object) =>
        post<T>(`${under(lease)}/${what}`, body, token),
      result: (lease: Lease, body: object) => post<ResultReport & Problem>(`${under(lease)}/result`, body, token),
    };
  }

  async function session(more: object = {}) {
    const given = { title: 'A session', initial_prompt: 'Do it', ...more };
    const { id } = (await post<SessionView>('sessions', given)).body;
    await post(`sessions/${id}/start`, {});
    return {
      id,
      view: () => read<SessionView>(`sessions/${id}?include=tasks,usage,approvals,checkpoints`),
      act: (action: string, body: object = {}) => post<SessionView>(`sessions/${id}/${action}`, body),
      files: () => read<{ items: { id: string; path: string }[] }>(`sessions/${id}/files`),
      bytes: async (artifact: string) =>
        (await ask(`/api/v1/sessions/${id}/artifacts/${artifact}`, { token: admin })).text(),
      rejected: async () => (await read<{ items: object[] }>(`sessions/${id}/events`)).items,
    };
  }
  return { admin, agent, session, read, post };
}

type Lease = Pick<OfferedAssignment, 'task_id' | 'epoch'>;
interface Problem {
  code: string;
  current?: unknown;
}

const STARTED = { type: 'turn.started', data: { turn: 1, message: 1, model: null, agent: null } };
const text = (n: number, said: string, offset = 0) => ({
  n,
  type: 'text.delta',
  data: { message_id: 'm', part_id: 'p', offset, text: said },
});

/** An agent that was handed the work of a session out. */
async function handedOut(more: object = {}) {
  const { agent: another, session: create, ...world } = await fleet();
  const [agent, session] = [await another(), await create(more)];
  const [work] = await agent.claim();
  return { ...world, another, agent, session, work: work! };
}

describe('an agent without sockets', () => {
  it('claims a session, reports under its lease, and completes it', async () => {
    const { agent, session, work, read } = await handedOut({ metadata: { ticket: 7 } });
    expect(work).toMatchObject({ session_id: session.id, epoch: 1, context: { ticket: 7 }, checkpoint: null });
    expect(work.input.messages).toEqual([{ number: 1, text: 'Do it' }]);
    expect(await session.view()).toMatchObject({ status: 'queued' });

    const first = await agent.report(work, [{ n: 1, ...STARTED }, text(2, 'Done.')]);
    expect(first).toMatchObject({ status: 200, body: { acked: 2, commands: [] } });
    expect(await session.view()).toMatchObject({ status: 'running', tasks: [{ agent_id: agent.id }] });
    expect(await read(`agents/${agent.id}`)).toMatchObject({ state: 'connected', slots_used: 1 });

    const usage = { input_tokens: 10, output_tokens: 2, cost_usd: 0.5 };
    const result = await agent.result(work, { status: 'completed', output: 'All done.', usage });
    expect(result.body).toMatchObject({ final: true, session_status: 'completed', lease_expires_at: null });
    const view = await session.view();
    expect(view).toMatchObject({ status: 'completed', result: { text: 'All done.' }, usage: { cost_usd: 0.5 } });
    expect(await read(`agents/${agent.id}`)).toMatchObject({ slots_used: 0 });
    expect(await read(`agents/${agent.id}/performance`)).toMatchObject({ counts: { completed: 1 } });
  });

  it('may report a result at once, and a partial one ends the session partially completed', async () => {
    const { agent, session, work } = await handedOut();
    const result = await agent.result(work, { status: 'partial', output: 'Half', error: { message: 'Tests fail.' } });
    expect(result.body).toMatchObject({ final: true, session_status: 'partially_completed' });
    expect(await session.view()).toMatchObject({ status: 'partially_completed', error: { message: 'Tests fail.' } });
  });

  it('waits for work, which a session that starts meanwhile brings', async () => {
    const { agent, session } = await fleet();
    const waiting = (await agent()).claim({ wait_seconds: 20 });
    const { id } = await session();
    expect(await waiting).toMatchObject([{ session_id: id }]);
  });

  it('gets nothing when the wait is over', async () => {
    const { agent } = await fleet();
    expect(await (await agent()).claim({ wait_seconds: 1 })).toEqual([]);
  });

  it('gets several assignments at once, at most as many as it wants and has room for', async () => {
    const { agent, session } = await fleet();
    for (let count = 0; count < 4; count++) await session();
    const small = await agent('AGENT-SMALL', { max_concurrent_capacity: 2 });
    expect(await small.claim({ max: 1 })).toHaveLength(1);
    expect(await (await agent('AGENT-ROOM', { max_concurrent_capacity: 2 })).claim({ max: 5 })).toHaveLength(2);
  });

  it('gets each assignment once when it claims several times in parallel', async () => {
    const { agent, session } = await fleet();
    const ids = [(await session()).id, (await session()).id];
    const { claim } = await agent();
    const works = await Promise.all([claim(), claim(), claim()]);
    expect(
      works
        .flat()
        .map(({ session_id }) => session_id)
        .sort(),
    ).toEqual(ids.sort());
  });

  it('is offered only what it can do', async () => {
    const { agent, session } = await fleet();
    const { id } = await session({ required_capabilities: ['testing'] });
    expect(await (await agent()).claim()).toEqual([]);
    const tester = await agent('AGENT-TESTER', { capabilities: ['testing'] });
    expect(await tester.claim()).toMatchObject([{ session_id: id, required_capabilities: ['testing'] }]);
  });

  it('does a session of a repository that it names', async () => {
    const { agent, session } = await fleet();
    const url = 'https://git.example.com/team/app.git';
    await session({ repository: { url } });
    expect(await (await agent()).claim()).toEqual([]);
    const other = await agent('AGENT-CLONE', { repository_urls: ['git@git.example.com:team/app.git'] });
    const [work] = await other.claim();
    expect((await other.report(work!)).status).toBe(200);
  });

  it('counts as here for a minute after a heartbeat', async () => {
    const { agent, read } = await fleet();
    const { id, post } = await agent();
    expect(await read(`agents/${id}`)).toMatchObject({ state: 'registered', is_available: false });
    expect((await post(`agents/${id}/heartbeat`, {})).status).toBe(204);
    expect(await read(`agents/${id}`)).toMatchObject({ state: 'connected', is_available: true });
  });
});

describe('the reports of a lease', () => {
  it('are stored once: a repeat changes nothing, and a gap is refused with the number that is expected', async () => {
    const { agent, session, work } = await handedOut();
    await agent.report(work, [text(1, 'a')]);
    expect((await agent.report(work, [text(1, 'a'), text(2, 'b', 1)])).body.acked).toBe(2);
    expect((await agent.report(work, [text(2, 'b', 1)])).body.acked).toBe(2);
    const gap = await agent.report(work, [text(4, 'd', 3)]);
    expect(gap).toMatchObject({ status: 409, body: { code: 'report_missing', current: { expected: 3 } } });
    const said = (await session.rejected()).flatMap((event) =>
      'type' in event && event.type === 'text.delta' ? 1 : [],
    );
    expect(said).toHaveLength(1);
  });

  it('bring the commands until they are acknowledged', async () => {
    const { agent, session, work } = await handedOut();
    await agent.report(work);
    await session.act('messages', { text: 'Also this' });
    const [command] = (await agent.report(work)).body.commands;
    expect(command).toMatchObject({ type: 'message', data: { number: 2, text: 'Also this' } });
    expect((await agent.report(work)).body.commands).toEqual([command]);
    const after = await agent.report(work, [], { acknowledged_command: command!.id });
    expect(after.body.commands).toEqual([]);
  });

  it('ask for an approval, whose answer comes as a command', async () => {
    const { agent, session, work } = await handedOut();
    const asked = await agent.send(work, 'approvals', { n: 1, ask_id: 'a', kind: 'permission', title: 'Deploy?' });
    expect(asked.status).toBe(200);
    const { approvals } = await session.view();
    await session.act(`approvals/${approvals![0]!.id}`, { decision: 'once' });
    expect((await agent.report(work)).body.commands).toMatchObject([
      { type: 'approval_reply', data: { ask_id: 'a', decision: 'once' } },
    ]);
  });

  it('save a checkpoint with its artifacts, from which the next agent continues', async () => {
    const { another, agent: first, session, work } = await handedOut();
    const patch = { artifact_id: crypto.randomUUID(), bytes: 5, sha256: 'x' };
    const chunk = { n: 1, artifact_id: patch.artifact_id, index: 0, data: btoa('patch') };
    expect((await first.send(work, 'artifacts', chunk)).status).toBe(200);
    const base_commit = 'c'.repeat(40);
    const saved = await first.send(work, 'checkpoints', { n: 2, turn: 1, messages_done: 0, base_commit, patch });
    expect(saved.status).toBe(200);
    await first.send(work, 'release', { reason: 'shutdown' });
    const second = await another('AGENT-SECOND');
    const [next] = await second.claim({ wait_seconds: 20 });
    expect(next).toMatchObject({
      epoch: 2,
      base_commit,
      checkpoint: { number: 1, patch_artifact_id: patch.artifact_id },
    });
    expect(await session.bytes(patch.artifact_id)).toBe('patch');
  });

  it.each([
    { what: 'an event of no known type', events: [{ n: 1, type: 'nonsense', data: {} }] },
    { what: 'an event without a number', events: [STARTED] },
    { what: 'a member too many', events: [], more: { surplus: 1 } },
  ])('are refused with $what, and take no lease', async ({ events, more = {} }) => {
    const { agent, session, work } = await handedOut();
    expect(await agent.report(work, events, more)).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(await session.view()).toMatchObject({ status: 'queued' });
  });

  it('are refused when a checkpoint names an artifact that was not sent, and change nothing', async () => {
    const { agent, session, work } = await handedOut();
    const patch = { artifact_id: crypto.randomUUID(), bytes: 5, sha256: 'x' };
    const refused = await agent.send(work, 'checkpoints', { n: 1, turn: 1, messages_done: 1, patch });
    expect(refused).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(await session.view()).toMatchObject({ status: 'queued', checkpoints: [] });
    expect((await agent.report(work, [text(1, 'a')])).body.acked).toBe(1);
  });
});

describe('the result of a lease', () => {
  it('may come again, and another one is refused', async () => {
    const { agent, work } = await handedOut();
    const first = await agent.result(work, { status: 'completed', output: 'x' });
    expect(await agent.result(work, { status: 'completed', output: 'x' })).toEqual(first);
    const other = await agent.result(work, { status: 'completed', output: 'y' });
    expect(other).toMatchObject({ status: 409, body: { code: 'result_differs' } });
  });

  it('is not final while a message waits that the agent was not given', async () => {
    const { agent, session, work } = await handedOut();
    await agent.report(work);
    await session.act('messages', { text: 'Also this' });
    const early = await agent.result(work, { status: 'completed', output: 'x' });
    expect(early.body).toMatchObject({ final: false, session_status: 'running' });
    const [command] = early.body.commands;
    expect(command).toMatchObject({ type: 'message', data: { text: 'Also this' } });
    const late = await agent.result(work, { status: 'completed', output: 'x', acknowledged_command: command!.id });
    expect(late.body).toMatchObject({ final: true, session_status: 'completed' });
  });

  it('brings files, which are listed and can be read', async () => {
    const { agent, session, work } = await handedOut();
    const id = crypto.randomUUID();
    const facts = { path: 'large/data.bin', mime_type: 'application/octet-stream' };
    await agent.send(work, 'artifacts', { n: 1, artifact_id: id, index: 0, data: btoa('one ') });
    await agent.send(work, 'artifacts', { n: 2, artifact_id: id, index: 1, data: btoa('two'), file: facts });
    const artifacts = [
      { path: 'report.md', content: '# Grüße', mime_type: 'text/markdown' },
      { path: 'empty.txt', content: '' },
    ];
    expect((await agent.result(work, { status: 'completed', artifacts })).status).toBe(200);
    const { items } = await session.files();
    expect(items).toMatchObject([
      { path: 'empty.txt', bytes: 0, mime_type: 'text/plain' },
      { path: 'large/data.bin', bytes: 7, id },
      { path: 'report.md', bytes: 9, mime_type: 'text/markdown' },
    ]);
    expect(await Promise.all(items.map((file) => session.bytes(file.id)))).toEqual(['', 'one two', '# Grüße']);
  });

  it.each([
    { what: 'a failure without its reason', body: { status: 'failed' } },
    { what: 'a path outside', body: { status: 'completed', artifacts: [{ path: '../x', content: '' }] } },
    {
      what: 'base64 that is none',
      body: { status: 'completed', artifacts: [{ path: 'x', content: '%', encoding: 'base64' }] },
    },
  ])('is refused with $what', async ({ body }) => {
    const { agent, session, work } = await handedOut();
    expect(await agent.result(work, body)).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(await session.view()).toMatchObject({ status: 'queued' });
  });

  it('of a failure that can be retried leads to the next attempt', async () => {
    const { agent, session, work } = await handedOut();
    const error = { message: 'The network is down.', retryable: true };
    expect((await agent.result(work, { status: 'failed', error })).body).toMatchObject({ final: true });
    expect((await session.view()).status).toBe('queued');
    expect(await agent.claim({ wait_seconds: 20 })).toMatchObject([{ epoch: 2 }]);
  });
});

describe('of two agents', () => {
  it('the one whose lease has ended changes nothing any more', async () => {
    const { another, agent, session, work } = await handedOut();
    await agent.report(work);
    await agent.send(work, 'release', { reason: 'shutdown' });
    const second = await another('AGENT-SECOND');
    const [next] = await second.claim({ wait_seconds: 20 });
    expect(next?.epoch).toBe(2);
    expect((await second.report(next!)).status).toBe(200);
    const late = await agent.report(work, [text(1, 'late')]);
    expect(late).toMatchObject({ status: 409, body: { code: 'stale_lease' } });
    expect((await agent.report(next!)).status).toBe(404);
    expect((await session.view()).status).toBe('running');
  });

  it('neither sees the work of the other', async () => {
    const { another, agent, session, work } = await handedOut();
    await agent.report(work);
    const stranger = await another('AGENT-STRANGER');
    const answers = [
      await stranger.report(work, [text(1, 'x')]),
      await stranger.send(work, 'result', { status: 'completed' }),
      await stranger.send(work, 'release', { reason: 'refused' }),
      await stranger.post(`agents/${agent.id}/claim`, {}),
      await stranger.post(`agents/${agent.id}/heartbeat`, {}),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 403, 403]);
    expect(await session.view()).toMatchObject({ status: 'running' });
  });
});

describe('a session', () => {
  it('that is cancelled tells the agent, which releases', async () => {
    const { agent, session, work } = await handedOut();
    await agent.report(work);
    await session.act('cancel');
    expect((await agent.report(work)).body.commands).toMatchObject([{ type: 'cancel' }]);
    expect((await agent.send(work, 'release', { reason: 'stopped' })).status).toBe(204);
    expect((await agent.send(work, 'release', { reason: 'stopped' })).status).toBe(204);
    expect(await session.view()).toMatchObject({ status: 'cancelled', tasks: [{ lease_expires_at: null }] });
  });

  it('that is paused goes on with its next lease', async () => {
    const { agent, session, work } = await handedOut();
    await agent.report(work);
    await session.act('pause');
    expect((await agent.report(work)).body.commands).toMatchObject([{ type: 'pause' }]);
    await agent.send(work, 'release', { reason: 'paused' });
    expect((await session.view()).status).toBe('paused');
    await session.act('resume');
    expect(await agent.claim()).toMatchObject([{ epoch: 2, input: { messages: [{ number: 1 }] } }]);
  });
});

it('a token that only enrols agents cannot act for one', async () => {
  const { admin, agent } = await fleet();
  const { id } = await agent();
  for (const token of [admin, await signToken('agent')]) {
    expect((await ask(`/api/v1/agents/${id}/claim`, { token, body: {} })).status).toBe(403);
  }
});
