import { missingInPatch } from '../../../src/domain/session/missing-in-patch.ts';
import { defineCommand, exitCode } from '../../command.ts';
import { renderDiff } from '../../render-diff.ts';
import { printable, printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';

export const diff = defineCommand({
  summary: 'Show what a session has changed',
  usage: ['session diff <id> [--patch]'],
  details: `${connectionDetails}\nExits with ${exitCode.failed} if the patch does not contain all of the work.`,
  arguments: { id: 'required' },
  options: {
    patch: { type: 'boolean', default: false, description: 'Print only the patch, for "git apply"' },
    ...jsonOption,
  },
  async run({ values: { json, patch }, args }) {
    const client = connect();
    const id = await sessionIdOf(client, args.id);
    const changes = await client.sessions.diff(id);
    if (json) printJson(changes);
    else if (patch) process.stdout.write(await client.sessions.patch(id));
    else printLines(renderDiff(changes));
    const missing = missingInPatch(changes);
    for (const what of missing) process.stderr.write(`This is not in the patch: ${printable(what)}\n`);
    return missing.length === 0 ? exitCode.ok : exitCode.failed;
  },
});
