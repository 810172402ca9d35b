import type { Client } from '../../src/client/client.ts';
import { visible } from '../../src/domain/visible-text.ts';
import type { ApprovalView } from '../../src/protocol/session/approval.ts';
import type { AnswerApprovalRequest } from '../../src/protocol/session/requests.ts';
import { answerText, approvalLines } from '../approval-text.ts';
import { CliError, defineCommand, exitCode, oio } from '../command.ts';
import { printJson } from '../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './session/common.ts';

const options = {
  approval: { type: 'string', placeholder: 'id', description: 'The approval to answer, if several are open' },
  ...jsonOption,
} as const;

export const approve = defineCommand({
  summary: 'Allow what a session asks for',
  usage: ['approve <session> [--always]'],
  details: connectionDetails,
  arguments: { session: 'required' },
  options: {
    always: { type: 'boolean', default: false, description: 'Also allow the same for the rest of the session' },
    ...options,
  },
  async run({ values, args }) {
    return answerApproval(args.session, values, (approval) => {
      if (approval.questions.length > 0) {
        const lines = approvalLines(args.session, approval).map((line) => `\n  ${line}`);
        throw new CliError(`The session asks a question. Answer it:${lines.join('')}`, exitCode.usage);
      }
      return { decision: values.always ? 'always' : 'once' };
    });
  },
});

export const reject = defineCommand({
  summary: 'Refuse what a session asks for',
  usage: ['reject <session> [--message <text>]'],
  details: connectionDetails,
  arguments: { session: 'required' },
  options: {
    message: { type: 'string', placeholder: 'text', description: 'The reason, which the agent gets' },
    ...options,
  },
  async run({ values, args }) {
    const { message } = values;
    return answerApproval(args.session, values, () => ({ decision: 'reject', ...(message && { message }) }));
  },
});

export const answer = defineCommand({
  summary: 'Answer the questions of a session',
  usage: ['answer <session> "<choice>"…'],
  details: `${connectionDetails}
Give one choice for each question, in order: the label of an option, or your own text. "${oio} session show <session>" prints the questions. Separate several choices of one question with "|".`,
  arguments: { session: 'required', choices: 'rest' },
  options,
  async run({ values, args }) {
    return answerApproval(args.session, values, (approval) => ({
      decision: 'once',
      answers: choicesOf(approval, args.choices),
    }));
  },
});

function choicesOf({ questions }: ApprovalView, choices: string[]): string[][] {
  if (questions.length === 0)
    throw new CliError('The session asks for a permission. Use approve or reject.', exitCode.usage);
  if (choices.length !== questions.length) {
    const asked = questions.map(({ question }) => `\n  ${visible(question)}`).join('');
    throw new CliError(`Give ${questions.length} choices, one for each question:${asked}`, exitCode.usage);
  }
  return choices.map((choice, index) => (questions[index]?.multiple ? choice.split('|') : [choice]));
}

async function answerApproval(
  session: string,
  values: { approval?: string | undefined; json: boolean },
  bodyFor: (approval: ApprovalView) => AnswerApprovalRequest,
): Promise<number> {
  const client = connect();
  const id = await sessionIdOf(client, session);
  const approval = await openApproval(client, id, values.approval);
  const answered = await client.sessions.answer(id, approval.id, bodyFor(approval));
  if (values.json) printJson(answered);
  else {
    const { kind, title } = approval;
    const text = answerText({ kind, ...(answered.answer ?? { decision: 'once' }) });
    printLines([`${text}: ${visible(title)}`]);
  }
  return exitCode.ok;
}

/** @throws CliError unless exactly one approval is open, or the named one */
async function openApproval(client: Client, id: string, named: string | undefined): Promise<ApprovalView> {
  const open = (await client.sessions.approvals(id)).filter(({ status }) => status === 'open');
  const matching = open.filter((approval) => named === undefined || approval.id.startsWith(named));
  const [first, ...others] = matching;
  if (first && others.length === 0) return first;
  if (!first)
    throw new CliError(named ? `The session has no open approval ${named}.` : 'The session has no open approval.');
  const list = open.map((approval) => `\n  ${approval.id}  ${visible(approval.title)}`).join('');
  throw new CliError(`${open.length} approvals are open. Choose one with --approval:${list}`, exitCode.usage);
}
