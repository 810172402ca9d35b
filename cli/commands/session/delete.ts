import { createInterface } from 'node:readline/promises';
import type { Client } from '../../../src/client/client.ts';
import { CliError, defineCommand, exitCode } from '../../command.ts';
import { printable, printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';

export const remove = defineCommand({
  summary: 'Delete a session with its log, checkpoints and kept work',
  usage: ['session delete <id> [--yes]'],
  details: `${connectionDetails}\nA session that runs is cancelled first. Nothing of it can be restored.`,
  arguments: { id: 'required' },
  options: { yes: { type: 'boolean', description: 'Do not ask' }, ...jsonOption },
  async run({ values, args }) {
    const client = connect();
    const id = await sessionIdOf(client, args.id);
    if (!values.yes && !(await isConfirmed(client, id))) return exitCode.failed;
    await client.sessions.remove(id);
    if (values.json) printJson({ id, deleted: true });
    else printLines([`Deleted ${id}.`]);
    return exitCode.ok;
  },
});

async function isConfirmed(client: Client, id: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new CliError('Add --yes to delete the session without a question.', exitCode.usage);
  const { title, status } = await client.sessions.get(id);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Delete the session "${printable(title)}" (${status})? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
