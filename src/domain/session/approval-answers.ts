import type { Decision } from '../../protocol/common/enums.ts';
import type { ApprovalView } from '../../protocol/session/approval.ts';
import type { ApprovalRules } from '../../protocol/session/approval-kinds.ts';
import type { AnswerApprovalRequest } from '../../protocol/session/requests.ts';

/** Why an answer is invalid: the wrong member of the request, and what it must be. */
export interface AnswerProblem {
  path: 'decision' | 'answers';
  message: string;
}

/**
 * Checks an answer against the rules of the approval's kind.
 * @param questionCount the number of the approval's questions
 * @returns null when the answer is valid
 */
export function answerProblem(
  { decisions, needs_answers }: ApprovalRules,
  questionCount: number,
  { decision, answers }: AnswerApprovalRequest,
): AnswerProblem | null {
  if (!decisions.includes(decision)) {
    return { path: 'decision', message: `The decision must be one of: ${decisions.join(', ')}.` };
  }
  if (needs_answers && decision !== 'reject' && answers?.length !== questionCount) {
    return {
      path: 'answers',
      message: `'answers' must have one list of labels for each of the ${questionCount} questions.`,
    };
  }
  return null;
}

/** Why an answer is no choice among the options of its question; null when every answer is. */
export function choiceProblem(
  { only_options }: ApprovalRules,
  questions: ApprovalView['questions'],
  { decision, answers = [] }: AnswerApprovalRequest,
): AnswerProblem | null {
  if (!only_options || decision === 'reject') return null;
  for (const [index, { options }] of questions.entries()) {
    const labels = options.map(({ label }) => label);
    const [chosen, ...more] = answers[index] ?? [];
    if (chosen !== undefined && labels.includes(chosen) && more.length === 0) continue;
    return { path: 'answers', message: `Each answer must be one of: ${labels.join(', ')}.` };
  }
  return null;
}

/** The decision when nobody has answered in time. @param sessionDefault the session's `approval_default` */
export function decisionOnExpiry({ on_expiry }: ApprovalRules, sessionDefault: 'once' | 'reject'): Decision {
  return on_expiry === 'approval_default' ? sessionDefault : (on_expiry ?? 'reject');
}
