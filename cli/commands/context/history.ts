import type { Client } from '../../../src/client/client.ts';
import type { JsonObject } from '../../../src/domain/context/json.ts';
import { mask } from '../../../src/domain/context/secrets.ts';
import { defineCommand, exitCode, parseInteger } from '../../command.ts';
import { historyLines, type Origin } from '../../context-history.ts';
import { paint, printJson } from '../../terminal.ts';
import { connect, jsonOption, printLines } from '../session/common.ts';
import { agentNames, agentsIn, contextNames, contextRefOf, explained, WHICH } from './common.ts';

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
    const before = await versionAt(client, ref, (page.items.at(-1)?.version ?? page.base_version + 1) - 1);
    const agents = await agentNames(client, agentsIn([...page.items, before].map(({ by }) => by)));
    const sources = page.items.flatMap(({ merged = [] }) => merged.map(({ id }) => id));
    const names = { agents, contexts: await contextNames(client, sources) };
    printLines(historyLines(page.items, before, page.next_cursor === null, names, Date.now()));
    if (page.next_cursor && page_size < MAX_CHANGES) {
      printLines([paint('dim', `· there are older ones; --limit ${MAX_CHANGES} shows more`)]);
    }
    return exitCode.ok;
  },
});

/** A version with what may be shown of it: an older secret is one, too. */
async function versionAt(client: Client, ref: string, version: number): Promise<Origin> {
  const { updated_at, updated_by, data, secret_paths } = await client.contexts.get(ref, { version });
  const before = data as JsonObject;
  return {
    version,
    at: updated_at,
    by: updated_by,
    data: mask(before, [], secret_paths, before) as unknown as JsonObject,
  };
}
