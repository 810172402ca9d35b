import type { Client } from '../../../src/client/client.ts';
import { defineCommand, exitCode, parseInteger } from '../../command.ts';
import { historyLines } from '../../context-lines.ts';
import { paint, printJson } from '../../terminal.ts';
import { connect, jsonOption, printLines } from '../session/common.ts';
import { agentNames, agentsIn, contextRefOf, explained, WHICH } from './common.ts';

/** The largest page. */
const MAX_CHANGES = 100;

export const history = defineCommand({
  summary: 'Show who has changed a context, when, and what',
  usage: ['context history <context> [--limit <count>]'],
  details: WHICH,
  arguments: { context: 'required' },
  options: {
    limit: { type: 'string', default: '20', placeholder: 'count', description: 'So many changes, the newest (20)' },
    ...jsonOption,
  },
  async run({ values: { limit, json }, args }) {
    const page_size = parseInteger('--limit', limit, { min: 1, max: MAX_CHANGES });
    const client = connect();
    const ref = await contextRefOf(client, args.context);
    const page = await explained(ref, client.contexts.history(ref, { page_size }));
    if (json) {
      printJson(page);
      return exitCode.ok;
    }
    const oldest = page.next_cursor === null ? await versionAt(client, ref, page.base_version) : null;
    const writers = [...page.items, ...(oldest ? [oldest] : [])].map(({ by }) => by);
    printLines(historyLines(page.items, oldest, await agentNames(client, agentsIn(writers)), Date.now()));
    if (page.next_cursor && page_size < MAX_CHANGES) {
      printLines([paint('dim', `· there are older ones; --limit ${MAX_CHANGES} shows more`)]);
    }
    return exitCode.ok;
  },
});

/** Who has made a version, and when. */
async function versionAt(client: Client, ref: string, version: number) {
  const { updated_at, updated_by } = await client.contexts.get(ref, { version });
  return { version, at: updated_at, by: updated_by };
}
