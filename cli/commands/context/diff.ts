import type { Client } from '../../../src/client/client.ts';
import { CliError, defineCommand, exitCode } from '../../command.ts';
import { contextDiffLines } from '../../context-lines.ts';
import { printJson } from '../../terminal.ts';
import { connect, jsonOption, printLines } from '../session/common.ts';
import { contextRefOf, explained, WHICH } from './common.ts';
import { versionOf } from './get.ts';

export const diff = defineCommand({
  summary: 'Compare two versions of a context, or a context with another one',
  usage: ['context diff <context> [--from <version>] [--to <version>]', 'context diff <context> <other>'],
  details: WHICH,
  arguments: { context: 'required', other: 'optional' },
  options: {
    from: { type: 'string', placeholder: 'version', description: 'The older version; by default, the one before --to' },
    to: { type: 'string', placeholder: 'version', description: 'The newer version; by default, the newest' },
    ...jsonOption,
  },
  async run({ values: { from, to, json }, args: { context, other } }) {
    if (other !== undefined && (from !== undefined || to !== undefined)) {
      throw new CliError('Give another context, or versions with --from and --to, but not both.', exitCode.usage);
    }
    const client = connect();
    const ref = await contextRefOf(client, context);
    const found =
      other === undefined
        ? await explained(ref, betweenVersions(client, ref, versionOf('--from', from), versionOf('--to', to)))
        : await compare(client, ref, await contextRefOf(client, other));
    if (json) printJson(found);
    else printLines(contextDiffLines(found));
    return exitCode.ok;
  },
});

async function betweenVersions(client: Client, ref: string, from: number | undefined, to: number | undefined) {
  const newer = to ?? (await client.contexts.get(ref)).version;
  return client.contexts.diff(ref, { from: from ?? Math.max(1, newer - 1), to: newer });
}

/** Reads both first, so that an error names the one that is missing. */
async function compare(client: Client, ref: string, other: string) {
  for (const each of [ref, other]) await explained(each, client.contexts.get(each));
  return client.contexts.compare(ref, other);
}
