import type { Client } from '../../../src/client/client.ts';
import { taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import { CliError, defineCommand, exitCode, parseInteger } from '../../command.ts';
import { printable, printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';

const MAX_TASK = 0xffff_ffff;
/** The most tasks that an error names. */
const NAMED = 5;

export const rate = defineCommand({
  summary: 'Rate the work that an agent has done; ratings decide its tier',
  usage: ['session rate <id> <0–1> [--comment "<text>"]'],
  details: `${connectionDetails}\n0 is useless, and 1 is without fault. Another rating of the same work replaces the first one.`,
  arguments: { id: 'required', rating: 'required' },
  options: {
    comment: { type: 'string', placeholder: 'text', description: 'Why' },
    task: {
      type: 'string',
      placeholder: 'number',
      description: 'The task, if several of the session have been worked on',
    },
    ...jsonOption,
  },
  async run({ values: { comment, task, json }, args }) {
    const quality = qualityOf(args.rating);
    const number = task === undefined ? undefined : parseInteger('--task', task, { min: 1, max: MAX_TASK });
    const client = connect();
    const session = await sessionIdOf(client, args.id);
    const id = number === undefined ? await onlyTaskOf(client, session) : taskIdOf(session, number);
    const rated = await client.tasks.rate(id, { quality, ...(comment !== undefined && { comment }) });
    if (json) printJson(rated);
    else printLines([printable(`rated the work of ${rated.agent_name}: ${quality}`)]);
    return exitCode.ok;
  },
});

/** The id of the task that agents have worked on. @throws CliError unless there is exactly one */
async function onlyTaskOf(client: Pick<Client, 'sessions'>, session: string): Promise<string> {
  const { tasks = [] } = await client.sessions.get(session, ['tasks']);
  const [task, ...others] = tasks.filter(({ last_assignment }) => last_assignment !== null);
  if (!task) throw new CliError('No agent has finished work on this session yet.');
  if (others.length === 0) return task.id;
  const named = [task, ...others].slice(0, NAMED).map(({ id, title }) => `${taskNumber(id)} (${title})`);
  const more = others.length < NAMED ? '' : ', …';
  throw new CliError(printable(`Say which task with --task: ${named.join(', ')}${more}`), exitCode.usage);
}

function qualityOf(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 1) return value;
  throw new CliError(`The rating must be a number from 0 to 1, such as 0.8, not "${text}".`, exitCode.usage);
}
