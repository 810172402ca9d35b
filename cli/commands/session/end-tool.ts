import { defineCommand, exitCode, oio } from '../../command.ts';
import { printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';

export const endTool = defineCommand({
  summary: 'End commands that the agent is running; its turn continues',
  usage: ['session end-tool <id> [call]'],
  details: `${connectionDetails}\nWithout the id of a tool call, all running commands end. "${oio} session watch <id> --json" shows the ids.`,
  arguments: { id: 'required', call: 'optional' },
  options: jsonOption,
  async run({ values, args }) {
    const client = connect();
    const id = await sessionIdOf(client, args.id);
    const requested = await client.sessions.endTools(id, args.call === undefined ? {} : { call_id: args.call });
    if (values.json) printJson(requested);
    else printLines(['Asked the agent to end them. Events in the log will show which commands have ended.']);
    return exitCode.ok;
  },
});
