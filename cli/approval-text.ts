import { canBeRemembered } from '../src/domain/session/always-rules.ts';
import { unseenWarning, visible } from '../src/domain/visible-text.ts';
import type { ApprovalView } from '../src/protocol/session/approval.ts';
import { APPROVAL_KINDS } from '../src/protocol/session/approval-kinds.ts';
import { oio } from './command.ts';
import { paint } from './terminal.ts';

const ONLY_ONCE = 'It can be allowed only once, because what is asked contains wildcards. --always does the same.';

/** The lines for an open approval: the request, the choices, and the command that answers it. */
export function approvalLines(session: string, approval: ApprovalView): string[] {
  const { id, kind, title, questions, always } = approval;
  const warning = unseenWarning(approval);
  const warned = warning === null ? [] : [paint('red', `  ${warning}`)];
  if (questions.length === 0) {
    const command = `  ${oio} approve ${session} --approval ${id.slice(0, 8)}   (or reject)`;
    const wider = `  With --always, the session will also allow, without asking: ${visible(always.join(', '))}`;
    const lines = [visible(title), ...warned, paint('dim', command)];
    if (!(APPROVAL_KINDS[kind].decisions as readonly string[]).includes('always')) return lines;
    if (always.length > 0) return [...lines, paint('dim', wider)];
    return canBeRemembered(approval) ? lines : [...lines, paint('dim', `  ${ONLY_ONCE}`)];
  }
  const asked = questions.flatMap(({ question, options, multiple }) => [
    visible(question) + (multiple ? ' (one or more)' : ''),
    ...options.map(({ label, description }) => `  ${visible(label)}${paint('dim', `  ${visible(description)}`)}`),
  ]);
  const choices = questions.map(({ options }) => ` "${visible(options[0]?.label ?? 'your answer')}"`).join('');
  const subject = kind === 'conflict' ? [visible(title)] : [];
  return [
    ...subject,
    ...asked,
    ...warned,
    paint('dim', `  ${oio} answer ${session}${choices} --approval ${id.slice(0, 8)}`),
  ];
}

/** The time until which an approval waits, in local time. */
export function waitsUntil({ expires_at }: ApprovalView): string {
  if (expires_at === null) return 'waits for your answer';
  const time = new Date(expires_at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  return `waits for your answer until ${time}`;
}

/** The answer of an approval in words. */
export function answerText(answer: {
  kind: ApprovalView['kind'];
  decision: string;
  answers?: string[][] | undefined;
}): string {
  if (answer.decision === 'reject') return 'refused';
  if (answer.answers) return `answered: ${answer.answers.map((labels) => labels.join(', ')).join('; ')}`;
  return answer.decision === 'always' ? 'allowed from now on' : APPROVAL_KINDS[answer.kind].once_text;
}
