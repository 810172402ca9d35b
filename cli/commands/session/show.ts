import { defineCommand, exitCode } from '../../command.ts';
import { connect, connectionDetails, jsonOption, printSession, sessionIdOf } from './common.ts';

export const show = defineCommand({
  summary: 'Show a session with its open approvals and its usage',
  usage: ['session show <id>'],
  details: connectionDetails,
  arguments: { id: 'required' },
  options: jsonOption,
  async run({ values, args }) {
    const client = connect();
    const id = await sessionIdOf(client, args.id);
    printSession(await client.sessions.get(id, ['tasks', 'approvals', 'usage', 'deliveries', 'context']), values.json);
    return exitCode.ok;
  },
});
