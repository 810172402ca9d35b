import { Link } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { SessionSummary } from '../../../../src/protocol/session/list.ts';
import { ago, fullTime, percent, usd } from '../../ui/format.ts';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { useNow } from '../../ui/use-now.ts';

/** The columns after the session, and their widths. Those that do not fit are left out, or are under the title. */
const COLUMNS = [
  ['Status', 'w-42'],
  ['Session', ''],
  ['Agent', 'hidden w-40 xl:table-cell'],
  ['Health', 'hidden w-20 xl:table-cell'],
  ['Cost', 'w-24'],
  ['Changed', 'w-28'],
] as const;
/** On a phone, a row shows only status and title, one above the other. */
const CELL = 'block px-3 md:table-cell md:py-2.5';
const WIDE = 'hidden px-3 py-2.5 font-mono whitespace-nowrap';

/** A page of the list. Its columns have fixed widths, so that no title and no name pushes it out of its box. */
export function SessionTable({ items }: { items: SessionSummary[] }) {
  const now = useNow();
  return (
    <table className="w-full table-fixed text-left text-sm">
      <thead className="hidden border-b-2 border-ink md:table-header-group">
        <tr>
          {COLUMNS.map(([column, width]) => (
            <th key={column} scope="col" className={clsx('caps px-3 py-2 text-mute', width)}>
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody className="divide-y-2 divide-faint">
        {items.map((item) => (
          <Row key={item.id} item={item} now={now} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ item, now }: { item: SessionSummary; now: number }) {
  const waits = item.open_approvals > 0;
  return (
    <tr
      className={clsx(
        'relative block align-top hover:bg-shade md:table-row',
        waits && 'shadow-[inset_6px_0_0_0_var(--warn)]',
      )}
    >
      <td className={clsx('pt-2.5', CELL)}>
        <span className="flex flex-wrap gap-1.5">
          <StatusBadge status={item.status} />
          {waits && <WaitingMark answers={item.open_approvals} />}
        </span>
      </td>
      <td className={clsx('pt-1.5 pb-2.5 wrap-anywhere', CELL)}>
        {/* The link covers its row. */}
        <Link
          to="/sessions/$id"
          params={{ id: item.id }}
          className="font-bold underline-offset-4 after:absolute after:inset-0 hover:underline"
        >
          {visible(item.title)}
        </Link>
        <p className="mt-0.5 flex flex-wrap gap-x-3 font-mono text-xs text-mute">
          <span>{item.session_type}</span>
          <span>{item.priority}</span>
          {item.agent_name && <span className="xl:hidden">{visible(item.agent_name)}</span>}
          {item.tags.map((tag) => (
            <span key={tag}>#{visible(tag)}</span>
          ))}
          <span className="md:hidden">{ago(item.updated_at, now)}</span>
        </p>
        {item.queue && <p className="mt-1 text-mute">{visible(item.queue.message)}</p>}
        {item.error && <p className="mt-1 line-clamp-2 text-bad">{visible(item.error.message)}</p>}
      </td>
      <td title={item.agent_name ?? undefined} className={clsx(WIDE, 'truncate xl:table-cell')}>
        {item.agent_name === null ? <span className="text-mute">—</span> : visible(item.agent_name)}
      </td>
      <td className={clsx(WIDE, 'xl:table-cell')}>{percent(item.health_score)}</td>
      <td className={clsx(WIDE, 'md:table-cell')}>{item.cost_usd === null ? 'unpriced' : usd(item.cost_usd)}</td>
      <td className={clsx(WIDE, 'md:table-cell')}>
        <time dateTime={item.updated_at} title={fullTime(item.updated_at)}>
          {ago(item.updated_at, now)}
        </time>
      </td>
    </tr>
  );
}

function WaitingMark({ answers }: { answers: number }) {
  return (
    <span className="caps border-2 border-warn bg-warn px-2 py-0.5 text-paper">
      {answers === 1 ? 'Waits for you' : `Waits for ${answers} answers`}
    </span>
  );
}
