import { clsx } from 'clsx';
import { hasEnded } from '../../../src/domain/session/session-machine.ts';
import type { SessionStatus } from '../../../src/protocol/common/enums.ts';
import { useAwaySince } from '../data/reachability.ts';

/** A color for each status. The badge always shows the word as well. */
const COLORS: Record<SessionStatus, string> = {
  pending: 'text-mute',
  queued: 'text-wait',
  running: 'text-go',
  paused: 'text-warn',
  degraded: 'text-warn',
  orphaned: 'text-lost',
  completed: 'text-go',
  partially_completed: 'text-warn',
  failed: 'text-bad',
  timeout: 'text-bad',
  stopped: 'text-mute',
  cancelled: 'text-mute',
};

/** All statuses, in the order of a session's life. */
export const STATUSES = Object.keys(COLORS) as SessionStatus[];

const MOVING: readonly SessionStatus[] = ['queued', 'running', 'degraded', 'orphaned'];

export function statusColor(status: SessionStatus): string {
  return COLORS[status];
}

export function statusText(status: SessionStatus): string {
  return status.replace('_', ' ');
}

/**
 * A session's status. While it cannot be known, because the page is out of date, the badge says what it was.
 *
 * @param past the page has lost its connection to this session
 */
export function StatusBadge({ status, past = false }: { status: SessionStatus; past?: boolean }) {
  const away = useAwaySince() !== null;
  const unknown = (past || away) && !hasEnded(status);
  const moving = MOVING.includes(status) && !unknown;
  return (
    <span
      data-status={status}
      className={clsx(
        'caps inline-flex items-center gap-2 border-2 border-current px-2 py-0.5',
        unknown ? 'border-dashed text-mute' : COLORS[status],
      )}
    >
      <span
        aria-hidden="true"
        className={clsx(
          'size-2 shrink-0 border border-current',
          moving && 'blink',
          status !== 'pending' && !unknown && 'bg-current',
        )}
      />
      <span>
        {unknown && 'was '}
        {statusText(status)}
      </span>
    </span>
  );
}
