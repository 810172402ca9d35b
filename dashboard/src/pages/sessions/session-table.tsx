import { Link } from '@tanstack/react-router';
import type { SessionSummary } from '../../../../src/protocol/session/list.ts';
import { ago, fullTime, percent, usd } from '../../ui/format.ts';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { useNow } from '../../ui/use-now.ts';

const COLUMNS = ['Status', 'Session', 'Agent', 'Health', 'Cost', 'Changed'] as const;
/** On a phone, a row shows only status and title, one above the other. */
const CELL = 'block px-3 md:table-cell md:py-2.5';
const WIDE = 'hidden px-3 py-2.5 font-mono whitespace-nowrap md:table-cell';

export function SessionTable({ items }: { items: SessionSummary[] }) {
  const now = useNow();
  return (
    <table className="w-full text-left text-sm">
      <thead className="hidden border-b-2 border-ink md:table-header-group">
        <tr>
          {COLUMNS.map((column) => (
            <th key={column} scope="col" className="caps px-3 py-2 text-mute">
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
  return (
    <tr className="relative block align-top hover:bg-shade md:table-row">
      <td className={`w-px pt-2.5 ${CELL}`}>
        <StatusBadge status={item.status} />
      </td>
      <td className={`pt-1.5 pb-2.5 wrap-anywhere md:w-full ${CELL}`}>
        {/* The link covers its row. */}
        <Link
          to="/sessions/$id"
          params={{ id: item.id }}
          className="font-bold underline-offset-4 after:absolute after:inset-0 hover:underline"
        >
          {item.title}
        </Link>
        <p className="mt-0.5 flex flex-wrap gap-x-3 font-mono text-xs text-mute">
          <span>{item.session_type}</span>
          <span>{item.priority}</span>
          {item.tags.map((tag) => (
            <span key={tag}>#{tag}</span>
          ))}
          <span className="md:hidden">{ago(item.updated_at, now)}</span>
        </p>
        {item.open_approvals > 0 && (
          <p className="caps mt-1 text-warn">
            {item.open_approvals === 1 ? 'Waiting for an answer' : `Waiting for ${item.open_approvals} answers`}
          </p>
        )}
        {item.queue && <p className="mt-1 text-mute">{item.queue.message}</p>}
        {item.error && <p className="mt-1 line-clamp-2 text-bad">{item.error.message}</p>}
      </td>
      <td className={WIDE}>{item.agent_name ?? <span className="text-mute">—</span>}</td>
      <td className={WIDE}>{percent(item.health_score)}</td>
      <td className={WIDE}>{item.cost_usd === null ? 'unpriced' : usd(item.cost_usd)}</td>
      <td className={WIDE}>
        <time dateTime={item.updated_at} title={fullTime(item.updated_at)}>
          {ago(item.updated_at, now)}
        </time>
      </td>
    </tr>
  );
}
