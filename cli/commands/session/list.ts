import type { Client } from '../../../src/client/client.ts';
import { age } from '../../../src/domain/relative-time.ts';
import { SessionStatus } from '../../../src/protocol/common/enums.ts';
import type { SessionList, SessionSummary } from '../../../src/protocol/session/list.ts';
import { defineCommand, exitCode, oio, parseWord } from '../../command.ts';
import { renderStatus } from '../../render.ts';
import { type Column, shownId, table } from '../../table.ts';
import { paint, printJson } from '../../terminal.ts';
import { connect, connectionDetails, hint, jsonOption, printLines } from './common.ts';

type Filter = NonNullable<Parameters<Client['sessions']['each']>[0]>;

export const list = defineCommand({
  summary: 'List the newest sessions',
  usage: ['session list [--status <status>]… [--tag <tag>] [--search <text>] [--waiting] [--all]'],
  details: connectionDetails,
  options: {
    status: { type: 'string', multiple: true, placeholder: 'status', description: 'Only sessions in this status' },
    tag: { type: 'string', placeholder: 'tag', description: 'Only sessions with this tag' },
    search: {
      type: 'string',
      placeholder: 'text',
      description: 'Only sessions whose title, id, tags, error or prompt has it',
    },
    all: { type: 'boolean', default: false, description: 'List all sessions, not only the newest 100' },
    waiting: { type: 'boolean', default: false, description: 'Only sessions that wait for your answer' },
    ...jsonOption,
  },
  async run({ values: { json, status = [], tag, search, waiting, all } }) {
    const filter = {
      status: status.map((text) => parseWord('status', text, SessionStatus().options)),
      ...(tag === undefined ? {} : { tag }),
      ...(search === undefined ? {} : { q: search }),
      ...(waiting ? ({ waiting: 'true' } as const) : {}),
    };
    const page = await (all ? allPages(filter) : connect().sessions.list({ ...filter, page_size: 100 }));
    if (json) {
      printJson(page);
      return exitCode.ok;
    }
    printLines(table(page.items, columns(Date.now())));
    const more = page.total - page.items.length;
    if (page.total === 0) printLines([emptyText(filter)]);
    if (more > 0) printLines([paint('dim', `and ${more} more; --all lists them`)]);
    if (page.items.some(({ open_approvals }) => open_approvals > 0)) hint('session show <id>  shows what "?" asks');
    return exitCode.ok;
  },
});

/** @param now ms since the epoch */
function columns(now: number): Column<SessionSummary>[] {
  return [
    { title: 'id', text: ({ id }) => shownId(id) },
    { title: 'status', text: ({ status }) => status, color: (_, { status }) => renderStatus(status) },
    { title: 'age', text: ({ created_at }) => age(created_at, now), color: dim, align: 'right' },
    { title: 'agent', text: ({ agent_name }) => agent_name ?? '' },
    { title: 'cost', text: costOf, align: 'right' },
    {
      title: 'title',
      text: ({ title, open_approvals, queue }) =>
        `${open_approvals > 0 ? '? ' : ''}${title}${queue ? ` · ${queue.message}` : ''}`,
      color: (text, { open_approvals }) => (open_approvals > 0 ? paint('magenta', text) : text),
      isCut: true,
    },
  ];
}

/** Before the first turn, there is no cost. */
function costOf({ cost_usd }: SessionSummary): string {
  if (cost_usd === null) return 'unpriced';
  return cost_usd === 0 ? '' : `$${cost_usd.toFixed(4)}`;
}

function dim(text: string): string {
  return paint('dim', text);
}

/** All sessions in one page. */
async function allPages(filter: Filter): Promise<SessionList> {
  const items: SessionList['items'] = [];
  for await (const session of connect().sessions.each(filter)) items.push(session);
  return { items, total: items.length, page: 1, page_size: items.length, next_cursor: null };
}

function emptyText({ status, ...others }: { status: unknown[] }): string {
  const filtered = status.length > 0 || Object.keys(others).length > 0;
  return filtered ? 'No session fits.' : `There are no sessions. Create one: ${oio} session create "<prompt>"`;
}
