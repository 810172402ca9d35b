import { describe, expect, it } from 'vitest';
import { MAX_ASK_CHARS } from '../../../src/protocol/common/limits.ts';
import type { ApprovalView } from '../../../src/protocol/session/approval.ts';
import type { AnswerApprovalRequest } from '../../../src/protocol/session/requests.ts';
import { storedDeadlines } from '../../support/deadlines.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { asked, question, released, result } from './fake-agent.ts';
import { failureOf, SessionInProcess, unwrap } from './harness.ts';

async function approvalsOf(session: SessionInProcess): Promise<ApprovalView[]> {
  return unwrap(await session.runtime.approvals(session.call())).items;
}

async function answer(session: SessionInProcess, request: AnswerApprovalRequest, which = 0): Promise<ApprovalView> {
  const { id } = (await approvalsOf(session))[which]!;
  return unwrap(await session.runtime.answer(session.call({ token_id: 'person' }), id, request));
}

/** Advances the clock between two reads in one step, as a real clock does. */
class RunningClock extends NodePlatform {
  override now(): number {
    this.clock += 1;
    return this.clock;
  }
}

describe('an approval', () => {
  it('is listed and counted while it is open, and its answer goes to the agent', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'));
    expect(await session.view()).toMatchObject({ open_approvals: 1 });
    expect(await approvalsOf(session)).toMatchObject([{ kind: 'permission', status: 'open', patterns: ['npm test'] }]);
    await session.settle();
    expect(session.destinations.entry?.summary.open_approvals).toBe(1);

    const view = await answer(session, { decision: 'once' });
    expect(view).toMatchObject({ status: 'answered', answer: { decision: 'once', by: 'person' } });
    expect(agent.commandsOf('approval_reply')).toEqual([{ ask_id: 'r1', kind: 'permission', decision: 'once' }]);
    expect(await session.view()).toMatchObject({ open_approvals: 0 });
    expect((await session.folded()).approvals).toEqual(await approvalsOf(session));
  });

  it('is on exactly one page of the list, of which a page is bounded in bytes', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const long = 'x'.repeat(MAX_ASK_CHARS - 1_000);
    for (let i = 0; i < 40; i++) agent.send(asked(`r${i}`, { detail: { long } }));
    const seen: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = { page_size: 100, ...(cursor && { cursor }) };
      const list = unwrap(await session.runtime.approvals(session.call(), page));
      expect(JSON.stringify(list).length).toBeLessThan(5_000_000);
      seen.push(...list.items.map(({ id }) => id));
      cursor = list.next_cursor;
    }
    expect(new Set(seen).size).toBe(40);
    expect(seen).toHaveLength(40);
  });

  it('has the same time of its answer in the log and in its view', async () => {
    const session = new SessionInProcess({ platform: new RunningClock() });
    const agent = await session.begun();
    agent.send(asked('r1'));
    await answer(session, { decision: 'once' });
    expect((await session.folded()).approvals).toEqual(await approvalsOf(session));
  });

  it('passes the message of a rejection to the agent', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'));
    await answer(session, { decision: 'reject', message: 'Not on a Friday.' });
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ decision: 'reject', message: 'Not on a Friday.' }]);
  });

  it('has one answer: a second answer gets a 409 with the first one, and changes nothing', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'));
    const first = await answer(session, { decision: 'reject' });
    await session.settle();
    const before = session.platform.dump();
    const second = await session.runtime.answer(session.call(), first.id, { decision: 'once' });
    expect(failureOf(second)).toMatchObject({ code: 'approval_answered', current: first.answer });
    await session.settle();
    expect(session.platform.dump()).toEqual(before);
  });

  it('that does not exist is a 404', async () => {
    const session = new SessionInProcess();
    await session.begun();
    const outcome = await session.runtime.answer(session.call(), 'nothing', { decision: 'once' });
    expect(failureOf(outcome).code).toBe('not_found');
  });

  it.each([
    { approval_default: 'reject', decision: 'reject' },
    { approval_default: 'once', decision: 'once' },
  ])(
    'is answered with the session’s default $approval_default after its deadline',
    async ({ approval_default, decision }) => {
      const session = new SessionInProcess();
      const agent = await session.begun({ approval_default, approval_timeout_seconds: 120 });
      agent.send(asked('r1'));
      await agent.ping(119_999);
      expect(await approvalsOf(session)).toMatchObject([{ status: 'open' }]);
      await session.advance(1);
      expect(await approvalsOf(session)).toMatchObject([
        { status: 'expired', answer: { decision, by: 'session_default' } },
      ]);
      expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r1', decision }]);
      expect((await session.folded()).approvals).toEqual(await approvalsOf(session));
    },
  );

  it('keeps a quiet agent from being degraded while it is open, but not a silent one from being lost', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'));
    await session.advance(45_000);
    expect(await session.status()).toBe('running');
    await session.advance(15_000);
    expect(await session.status()).toBe('orphaned');
  });

  it('is withdrawn when its lease ends or the agent withdraws it', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'), asked('r2'));
    agent.send({ type: 'approval.withdrawn', data: { ask_id: 'r1', reason: 'aborted' } });
    expect(await session.view()).toMatchObject({ open_approvals: 1 });
    await session.settle();
    expect(session.destinations.entry?.summary.open_approvals, 'lists show it at once').toBe(1);
    agent.send(result());
    expect((await approvalsOf(session)).map(({ status }) => status)).toEqual(['withdrawn', 'withdrawn']);
    expect(JSON.stringify(storedDeadlines(session.platform))).not.toContain('approval:');
    const [first] = await approvalsOf(session);
    const late = await session.runtime.answer(session.call(), first!.id, { decision: 'once' });
    expect(failureOf(late)).toMatchObject({ code: 'approval_answered', current: null });
  });

  it('is not opened twice: an agent that lost the answer and asks again gets the answer again', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'));
    await answer(session, { decision: 'once' });
    agent.read().acknowledge(...agent.commands.map(({ id }) => id)).commands = [];
    agent.send(asked('r1'));
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r1', decision: 'once' }]);
    expect(await approvalsOf(session)).toHaveLength(1);
  });
});

describe("'always'", () => {
  it('is stored by the session: the agent gets once, and covered requests of all later epochs are answered at once', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'));
    await answer(session, { decision: 'always' });
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r1', decision: 'once' }]);

    agent.send(asked('r2', { patterns: ['npm run build'] }), released('shutdown'));
    await session.advance(1);
    const next = session.agent(2, 'AGENT-TWO').connect();
    next.send(asked('r1', { patterns: ['npm ci'] }));
    expect(next.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r1', decision: 'once' }]);
    expect((await approvalsOf(session)).map(({ answer }) => answer?.by)).toEqual([
      'person',
      'session_always',
      'session_always',
    ]);
    expect(await session.view()).toMatchObject({ open_approvals: 0 });
  });

  it('allows what the approval shows', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1', { patterns: ['npm test'], always: ['npm *'] }));
    agent.send(asked('r2', { patterns: ['rm *.tmp', 'ls'], always: [] }));
    agent.send(asked('r3', { permission: 'webfetch', patterns: [], always: [] }));
    expect((await approvalsOf(session)).map(({ always }) => always)).toEqual([['npm *'], ['ls'], []]);
    const logged = (await session.events()).flatMap((event) =>
      event.type === 'approval.asked' ? [event.data.approval.always] : [],
    );
    expect(logged).toEqual([['npm *'], ['ls'], []]);
  });

  it('covers no other permission and no other patterns', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'));
    await answer(session, { decision: 'always' });
    agent.send(
      asked('r2', { patterns: ['rm -rf build'] }),
      asked('r3', { patterns: ['npm ci', 'rm -rf build'] }),
      asked('r4', { permission: 'edit' }),
    );
    expect(await session.view()).toMatchObject({ open_approvals: 3 });
  });

  it('covers exactly the requested patterns if the agent names no wider ones, with * taken literally', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1', { patterns: ['rm *.tmp', 'ls'], always: [] }));
    await answer(session, { decision: 'always' });
    agent.send(asked('r2', { patterns: ['rm -rf / .tmp'], always: [] }), asked('r3', { patterns: ['ls'], always: [] }));
    const views = await approvalsOf(session);
    expect(views.filter(({ status }) => status === 'open').map(({ patterns }) => patterns)).toEqual([
      ['rm -rf / .tmp'],
    ]);
  });

  it('for a permission without patterns covers no request with patterns', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1', { permission: 'webfetch', patterns: [], always: [] }));
    await answer(session, { decision: 'always' });
    agent.send(asked('r2', { permission: 'webfetch', patterns: [], always: [] }));
    agent.send(asked('r3', { permission: 'webfetch', patterns: ['https://example.com'], always: [] }));
    expect(await session.view()).toMatchObject({ open_approvals: 1 });
  });
});

describe('a question', () => {
  it('needs labels for each of its parts; otherwise the answer gets a 422 and the question stays open', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(question('q1'));
    const [{ id }] = (await approvalsOf(session)) as [ApprovalView];
    const missing = await session.runtime.answer(session.call(), id, { decision: 'once' });
    expect(failureOf(missing)).toMatchObject({ code: 'validation_failed', errors: [{ path: 'answers' }] });
    await answer(session, { decision: 'once', answers: [['blue']] });
    expect(agent.commandsOf('approval_reply')).toEqual([
      { ask_id: 'q1', kind: 'question', decision: 'once', answers: [['blue']] },
    ]);
  });

  it('is rejected after its deadline, even if the default for permissions is once', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun({ approval_default: 'once', approval_timeout_seconds: 60 });
    agent.send(question('q1'));
    await agent.ping(60_000);
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'q1', decision: 'reject' }]);
  });
});

describe('the session', () => {
  it('rejects an ask that is too large for the log, so that the agent does not wait forever', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const tooLarge = asked('r1');
    Object.assign((tooLarge as { data: object }).data, { detail: { diff: 'x'.repeat(140_000) } });
    agent.send(tooLarge);
    expect(await session.view()).toMatchObject({ open_approvals: 0 });
    expect((await session.events()).at(-1)).toMatchObject({ type: 'frame.rejected' });
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r1', decision: 'reject' }]);
  });

  it('shows the open approvals first, and only as many as fit into a view', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const long = (id: string) => asked(id, { detail: { diff: `${id}`.padEnd(120_000, 'x') } });
    for (let i = 0; i < 40; i++) agent.send(long(`settled-${i}`));
    for (const { id } of session.rows<{ id: string }>('approvals')) {
      await session.runtime.answer(session.call(), id, { decision: 'once' });
    }
    for (let i = 0; i < 20; i++) agent.send(long(`open-${i}`));
    const approvals = (await session.view(['approvals'])).approvals!;
    expect(approvals.slice(0, 20).every(({ status }) => status === 'open')).toBe(true);
    expect(approvals.length).toBeGreaterThan(25);
    expect(JSON.stringify(approvals).length).toBeLessThan(4_100_000);
  });

  it('rejects an ask when a hundred approvals are open', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...Array.from({ length: 101 }, (_, index) => asked(`r${index}`)));
    expect(await session.view()).toMatchObject({ open_approvals: 100 });
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r100', decision: 'reject' }]);
  });

  it('opens another approval when an agent asks again after a withdrawal', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'), { type: 'approval.withdrawn', data: { ask_id: 'r1', reason: 'restarted' } });
    expect(await session.view()).toMatchObject({ open_approvals: 0 });
    agent.send(asked('r1'));
    expect(await session.view()).toMatchObject({ open_approvals: 1 });
  });
});
