import type { Client } from '../../../src/client/client.ts';
import { writerText } from '../../../src/domain/context/writer-text.ts';
import { age } from '../../../src/domain/relative-time.ts';
import { ContextScope, type ContextSummary } from '../../../src/protocol/context/context.ts';
import type { ContextList } from '../../../src/protocol/context/list.ts';
import { defineCommand, exitCode, oio, parseWord } from '../../command.ts';
import type { AgentNames } from '../../context-lines.ts';
import { type Column, shownId, table } from '../../table.ts';
import { paint, printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from '../session/common.ts';
import { agentNames, agentsIn, shownRef } from './common.ts';

type Filter = NonNullable<Parameters<Client['contexts']['each']>[0]>;

export const list = defineCommand({
  summary: 'List the youngest contexts',
  usage: ['context list [--scope <scope>] [--session <session>] [--search <text>] [--all]'],
  details: `${connectionDetails}\nThe other commands take what stands in the first column.`,
  options: {
    scope: {
      type: 'string',
      placeholder: 'scope',
      description: `Only contexts of this scope: ${ContextScope().options.join(', ')}`,
    },
    session: { type: 'string', placeholder: 'session', description: 'Only contexts of this session' },
    search: {
      type: 'string',
      placeholder: 'text',
      description: 'Only contexts with this in their name, or in the name of a member',
    },
    all: { type: 'boolean', default: false, description: 'List all contexts, not only the youngest 100' },
    ...jsonOption,
  },
  async run({ values: { scope, session, search, all, json } }) {
    const client = connect();
    const filter: Filter = {
      ...(scope !== undefined && { scope: parseWord('scope', scope, ContextScope().options) }),
      ...(session !== undefined && { session_id: await sessionIdOf(client, session) }),
      ...(search !== undefined && { q: search }),
    };
    const page = await (all ? allPages(client, filter) : client.contexts.list({ ...filter, page_size: 100 }));
    if (json) {
      printJson(page);
      return exitCode.ok;
    }
    const agents = await agentNames(client, agentsIn(page.items.map(({ updated_by }) => updated_by)));
    printLines(table(page.items, columns(agents, Date.now())));
    if (page.items.length === 0) printLines([emptyText(filter)]);
    if (page.next_cursor) printLines([paint('dim', '· there are more; --all lists them')]);
    return exitCode.ok;
  },
});

/** @param now ms since the epoch */
function columns(agents: AgentNames, now: number): Column<ContextSummary>[] {
  return [
    { title: 'context', text: (context) => shownRef(context, shownId) },
    { title: 'version', text: ({ version }) => `${version}`, align: 'right' },
    { title: 'changed', text: ({ updated_at }) => age(updated_at, now), color: dim, align: 'right' },
    { title: 'by', text: ({ updated_by }) => writerText(updated_by, agents), isCut: true },
  ];
}

function dim(text: string): string {
  return paint('dim', text);
}

/** All contexts in one page. */
async function allPages(client: Client, filter: Filter): Promise<ContextList> {
  const items: ContextSummary[] = [];
  for await (const context of client.contexts.each(filter)) items.push(context);
  return { items, next_cursor: null };
}

function emptyText(filter: Filter): string {
  if (Object.keys(filter).length > 0) return 'No context fits.';
  return `There are no contexts. The first write makes one: ${oio} context set global <path> <value>`;
}
