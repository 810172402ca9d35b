import type { Decision } from '../../protocol/common/enums.ts';
import type { ApprovalRules } from '../../protocol/session/approval-kinds.ts';
import type { AnswerApprovalRequest } from '../../protocol/session/requests.ts';

/** Why an answer cannot be taken: the member of the request that is wrong, and what to give instead. */
export interface AnswerProblem {
  path: 'decision' | 'answers';
  message: string;
}

/**
 * Checks a person's answer against the rules of the approval's kind.
 * @param questionCount how many questions the approval asks
 * @returns null when the answer can be taken
 */
export function answerProblem(
  { decisions, needs_answers }: ApprovalRules,
  questionCount: number,
  { decision, answers }: AnswerApprovalRequest,
): AnswerProblem | null {
  if (!decisions.includes(decision)) {
    return { path: 'decision', message: `This approval takes: ${decisions.join(', ')}.` };
  }
  if (needs_answers && decision !== 'reject' && answers?.length !== questionCount) {
    return {
      path: 'answers',
      message: `Give 'answers' with one list of labels for each of the ${questionCount} questions.`,
    };
  }
  return null;
}

/** The decision when nobody has answered in time. @param sessionDefault the session's `approval_default` */
export function decisionOnExpiry({ on_expiry }: ApprovalRules, sessionDefault: 'once' | 'reject'): Decision {
  return on_expiry === 'approval_default' ? sessionDefault : on_expiry;
}
