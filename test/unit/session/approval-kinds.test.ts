import { describe, expect, it } from 'vitest';
import { IMPLICIT_TASK } from '../../../src/protocol/common/ids.ts';
import { APPROVAL_KINDS, type ApprovalRules } from '../../../src/protocol/session/approval-kinds.ts';
import { asked, question, released } from './fake-agent.ts';
import { failureOf, SessionInProcess, unwrap } from './harness.ts';

/** A kind that only the session raises, and for which nothing waits. */
const remark: ApprovalRules = {
  raised_by: 'session',
  decisions: ['once', 'reject'],
  on_expiry: 'once',
  once_text: 'begun',
  needs_answers: false,
};

function sessionWithRemarks(): SessionInProcess {
  return new SessionInProcess({ config: { approval_kinds: { ...APPROVAL_KINDS, remark } } });
}

/** Opens an approval of the session itself through the real part. @returns its id */
function openRemark(session: SessionInProcess): string {
  const { kit, approvals } = session.runtime.parts;
  const ask = { title: 'Begin?', permission: null, patterns: [], always: [], questions: [], detail: {} };
  const kind = 'remark' as 'permission';
  return kit.store.transact(() => approvals.open(IMPLICIT_TASK, { kind, ...ask }, null)).id;
}

describe('an approval that the session itself raises', () => {
  it('needs no lease: it is listed and counted, and can be answered with a decision of its kind', async () => {
    const session = sessionWithRemarks();
    await session.create();
    const id = openRemark(session);
    expect(await session.view()).toMatchObject({ open_approvals: 1, approvals: [{ id, kind: 'remark' }] });
    const answered = unwrap(await session.runtime.answer(session.call(), id, { decision: 'once' }));
    expect(answered).toMatchObject({ status: 'answered', answer: { decision: 'once', by: 'tester' } });
    expect(session.rows('commands'), 'no agent is told').toEqual([]);
    expect((await session.folded()).approvals).toEqual(unwrap(await session.runtime.approvals(session.call())).items);
  });

  it('refuses a decision that its kind does not allow, and names the allowed ones', async () => {
    const session = sessionWithRemarks();
    await session.create();
    const refused = failureOf(
      await session.runtime.answer(session.call(), openRemark(session), { decision: 'always' }),
    );
    expect(refused).toMatchObject({ code: 'validation_failed', errors: [{ path: 'decision' }] });
    expect(refused.detail).toContain('once, reject');
  });

  it('expires with the default decision of its kind', async () => {
    const session = sessionWithRemarks();
    await session.create({ approval_timeout_seconds: 60, approval_default: 'reject' });
    openRemark(session);
    await session.advance(60_000);
    expect(await session.view()).toMatchObject({
      approvals: [{ status: 'expired', answer: { decision: 'once', by: 'session_default' } }],
    });
  });

  it('stays open when a lease of its task ends, while the agent’s own approvals are withdrawn', async () => {
    const session = sessionWithRemarks();
    const agent = await session.begun();
    openRemark(session);
    agent.send(asked('r1'), released('shutdown'));
    expect((await session.view()).approvals).toMatchObject([
      { kind: 'remark', status: 'open' },
      { kind: 'permission', status: 'withdrawn' },
    ]);
  });

  it('does not keep a quiet agent from being degraded, because only the agent’s own approval does', async () => {
    const session = sessionWithRemarks();
    await session.begun();
    openRemark(session);
    await session.advance(45_000);
    expect(await session.status()).toBe('degraded');
  });
});

describe('an agent', () => {
  it('cannot raise a kind that is reserved for the session: the frame is rejected and the ask is answered', async () => {
    const session = sessionWithRemarks();
    const agent = await session.begun();
    agent.send(asked('r1', { kind: 'remark' as 'permission' }));
    expect(await session.view()).toMatchObject({ open_approvals: 0, approvals: [] });
    expect((await session.events()).at(-1)).toMatchObject({ type: 'frame.rejected' });
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r1', decision: 'reject' }]);
  });

  it('never gets the decision always for a question', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(question('q1'));
    const [approval] = (await session.view()).approvals!;
    const answer = { decision: 'always' as const, answers: [['blue']] };
    const refused = failureOf(await session.runtime.answer(session.call(), approval!.id, answer));
    expect(refused).toMatchObject({ code: 'validation_failed', errors: [{ path: 'decision' }] });
    expect(agent.commandsOf('approval_reply')).toEqual([]);
  });
});
