import { IMPLICIT_TASK, taskIdOf } from '../../../src/protocol/common/ids.ts';
import { CliError, defineCommand, exitCode, parseInteger } from '../../command.ts';
import { printable, printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';

const MAX_TASK = 0xffff_ffff;

export const rate = defineCommand({
  summary: 'Rate the work that an agent has done; ratings decide its tier',
  usage: ['session rate <id> <0–1> [--comment "<text>"]'],
  details: `${connectionDetails}\n0 is useless, and 1 is without fault. Another rating of the same work replaces the first one.`,
  arguments: { id: 'required', rating: 'required' },
  options: {
    comment: { type: 'string', placeholder: 'text', description: 'Why' },
    task: { type: 'string', placeholder: 'number', description: 'The task of the session; by default the first one' },
    ...jsonOption,
  },
  async run({ values: { comment, task, json }, args }) {
    const quality = qualityOf(args.rating);
    const number = task === undefined ? IMPLICIT_TASK : parseInteger('--task', task, { min: 1, max: MAX_TASK });
    const client = connect();
    const id = taskIdOf(await sessionIdOf(client, args.id), number);
    const rated = await client.tasks.rate(id, { quality, ...(comment !== undefined && { comment }) });
    if (json) printJson(rated);
    else printLines([printable(`rated the work of ${rated.agent_name}: ${quality}`)]);
    return exitCode.ok;
  },
});

function qualityOf(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 1) return value;
  throw new CliError(`The rating must be a number from 0 to 1, such as 0.8, not "${text}".`, exitCode.usage);
}
