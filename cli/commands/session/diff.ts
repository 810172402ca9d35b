import { defineCommand, exitCode } from '../../command.ts';
import { renderDiff } from '../../render.ts';
import { printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';

export const diff = defineCommand({
  summary: 'Show what a session has changed',
  usage: ['session diff <id> [--patch]'],
  details: connectionDetails,
  arguments: { id: 'required' },
  options: {
    patch: { type: 'boolean', default: false, description: 'Print only the patch, for "git apply"' },
    ...jsonOption,
  },
  async run({ values: { json, patch }, args }) {
    const client = connect();
    const changes = await client.sessions.diff(await sessionIdOf(client, args.id));
    if (json) printJson(changes);
    else if (patch) process.stdout.write(changes.patch);
    else printLines(renderDiff(changes));
    return exitCode.ok;
  },
});
