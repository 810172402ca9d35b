import type { Client } from '../../../src/client/client.ts';
import { ago } from '../../../src/domain/relative-time.ts';
import { SessionStatus } from '../../../src/protocol/common/enums.ts';
import type { SessionList } from '../../../src/protocol/session/list.ts';
import { defineCommand, exitCode, oio, parseWord } from '../../command.ts';
import { renderStatus } from '../../render.ts';
import { paint, printable, printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines } from './common.ts';

type Filter = NonNullable<Parameters<Client['sessions']['each']>[0]>;

export const list = defineCommand({
  summary: 'List the newest sessions, with when they were created',
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
    const now = Date.now();
    const ages = page.items.map((item) => ago(item.created_at, now));
    const width = Math.max(0, ...page.items.map((item) => item.status.length));
    const ageWidth = Math.max(0, ...ages.map((age) => age.length));
    printLines(
      page.items.map((item, index) => {
        const padding = ' '.repeat(width - item.status.length);
        const waits = item.open_approvals > 0 ? paint('magenta', '  ? waits for your answer') : '';
        const queue = item.queue ? paint('dim', `  ${printable(item.queue.message)}`) : '';
        const age = paint('dim', (ages[index] ?? '').padStart(ageWidth));
        return `${item.id}  ${renderStatus(item.status)}${padding}  ${age}  ${printable(item.title)}${waits}${queue}`;
      }),
    );
    const more = page.total - page.items.length;
    if (page.total === 0) printLines([emptyText(filter)]);
    if (more > 0) printLines([paint('dim', `and ${more} more; --all lists them`)]);
    return exitCode.ok;
  },
});

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
