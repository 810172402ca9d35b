import { defineCommand, exitCode } from '../../command.ts';
import { printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';
import { readText, textOptions } from './text.ts';

export const send = defineCommand({
  summary: 'Send a message to a session',
  usage: ['session send <id> "<text>"', 'session send <id> --file <path>'],
  details: connectionDetails,
  arguments: { id: 'required', text: 'optional' },
  options: { ...textOptions, ...jsonOption },
  async run({ values, args }) {
    const text = await readText('text', args.text, values.file);
    const client = connect();
    const accepted = await client.sessions.send(await sessionIdOf(client, args.id), { text });
    if (values.json) printJson(accepted);
    else printLines([`message ${accepted.number} (${accepted.delivery})`]);
    return exitCode.ok;
  },
});
