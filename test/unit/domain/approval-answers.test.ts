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
  needs_answers: false,
};

describe('the kinds that an agent may raise', () => {
  it('are those that the table gives to agents, so that a kind of the session is not among them', () => {
    expect(kindsOfAgents({ ...APPROVAL_KINDS, task_gate: GATE })).toEqual(['permission', 'question']);
    expect(AgentApprovalKind.options).toEqual(kindsOfAgents(APPROVAL_KINDS));
  });

  it('are the only kinds that the frame of an ask takes', () => {
    const ask = asked('r1');
    expect(AgentFrameBody.safeParse(ask).success).toBe(true);
    const gate = { ...ask, data: { ...ask.data, kind: 'task_gate' } };
    expect(AgentFrameBody.safeParse(gate).success).toBe(false);
  });
});

describe('an answer', () => {
  it.each(Object.entries({ ...APPROVAL_KINDS, task_gate: GATE }))(
    'to a %s is taken with the decisions of its row and refused with any other',
    (_kind, rules: ApprovalRules) => {
      for (const decision of ['once', 'always', 'reject'] as const) {
        const problem = answerProblem(rules, 0, { decision, answers: [] });
        if (rules.decisions.includes(decision)) expect(problem).toBeNull();
        else expect(problem).toMatchObject({ path: 'decision', message: expect.stringContaining('once, reject') });
      }
    },
  );

  it('to a kind that needs answers brings one for each question, unless it rejects', () => {
    const { question } = APPROVAL_KINDS;
    expect(answerProblem(question, 2, { decision: 'once', answers: [['a']] })).toMatchObject({ path: 'answers' });
    expect(answerProblem(question, 2, { decision: 'once' })).toMatchObject({ path: 'answers' });
    expect(answerProblem(question, 2, { decision: 'once', answers: [['a'], ['b']] })).toBeNull();
    expect(answerProblem(question, 2, { decision: 'reject' })).toBeNull();
  });
});

describe('the decision on expiry', () => {
  it('is the fixed one of the kind, or the default of the session', () => {
    expect(decisionOnExpiry(APPROVAL_KINDS.permission, 'once')).toBe('once');
    expect(decisionOnExpiry(APPROVAL_KINDS.permission, 'reject')).toBe('reject');
    expect(decisionOnExpiry(APPROVAL_KINDS.question, 'once')).toBe('reject');
  });
});
