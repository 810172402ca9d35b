import { describe, expect, it } from 'vitest';
import { answerProblem, decisionOnExpiry } from '../../../src/domain/session/approval-answers.ts';
import { AgentApprovalKind } from '../../../src/protocol/common/enums.ts';
import { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { APPROVAL_KINDS, type ApprovalRules, kindsOfAgents } from '../../../src/protocol/session/approval-kinds.ts';
import { asked } from '../session/fake-agent.ts';

const GATE: ApprovalRules = {
  raised_by: 'session',
  decisions: ['once', 'reject'],
  on_expiry: 'reject',
  once_text: 'approved',
  needs_answers: false,
};

describe('the approval kinds that an agent may raise', () => {
  it('are those that the table allows to agents, and no kind of the session', () => {
    expect(kindsOfAgents({ ...APPROVAL_KINDS, task_gate: GATE })).toEqual(['permission', 'question']);
    expect(AgentApprovalKind().options).toEqual(kindsOfAgents(APPROVAL_KINDS));
  });

  it('are the only kinds that an ask frame accepts', () => {
    const ask = asked('r1');
    expect(AgentFrameBody().safeParse(ask).success).toBe(true);
    const gate = { ...ask, data: { ...ask.data, kind: 'task_gate' } };
    expect(AgentFrameBody().safeParse(gate).success).toBe(false);
  });
});

describe('an answer to an approval', () => {
  it.each(Object.entries({ ...APPROVAL_KINDS, task_gate: GATE }))(
    'of kind %s is valid only with a decision of its row in the table',
    (_kind, rules: ApprovalRules) => {
      for (const decision of ['once', 'always', 'reject'] as const) {
        const problem = answerProblem(rules, 0, { decision, answers: [] });
        if (rules.decisions.includes(decision)) expect(problem).toBeNull();
        else expect(problem).toMatchObject({ path: 'decision', message: expect.stringContaining('once, reject') });
      }
    },
  );

  it('must answer each question if its kind needs answers, unless it rejects', () => {
    const { question } = APPROVAL_KINDS;
    expect(answerProblem(question, 2, { decision: 'once', answers: [['a']] })).toMatchObject({ path: 'answers' });
    expect(answerProblem(question, 2, { decision: 'once' })).toMatchObject({ path: 'answers' });
    expect(answerProblem(question, 2, { decision: 'once', answers: [['a'], ['b']] })).toBeNull();
    expect(answerProblem(question, 2, { decision: 'reject' })).toBeNull();
  });
});

describe('the decision when an approval expires', () => {
  it('is the kind’s fixed decision, or else the session’s default', () => {
    expect(decisionOnExpiry(APPROVAL_KINDS.permission, 'once')).toBe('once');
    expect(decisionOnExpiry(APPROVAL_KINDS.permission, 'reject')).toBe('reject');
    expect(decisionOnExpiry(APPROVAL_KINDS.question, 'once')).toBe('reject');
  });
});
