import { Link } from '@tanstack/react-router';
import { clsx } from 'clsx';
import type { WatchConnection } from '../../../../src/client/watch.ts';
import { waitsForAgent } from '../../../../src/domain/session/session-status.ts';
import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { StatusBadge, statusText } from '../../ui/status-badge.tsx';
import { Actions } from './actions.tsx';

export function SessionHeader(props: {
  session: SessionView;
  status: SessionStatus;
  connection: WatchConnection;
  stale: boolean;
  /** Whether the page shows a state already, so that a new connection is a reconnection. */
  again: boolean;
}) {
  const { session, status } = props;
  return (
    <header className="space-y-3 border-b-3 border-ink pb-4">
      <title>{`${session.title}: ${statusText(status)}`}</title>
      <div className="flex items-center justify-between gap-3">
        <Link to="/" className="caps underline-offset-4 hover:underline">
          ← All sessions
        </Link>
        <Connection connection={props.connection} stale={props.stale} again={props.again} />
      </div>
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="text-2xl font-black tracking-tight break-words sm:text-3xl">{session.title}</h1>
          <p className="mt-2 flex flex-wrap items-center gap-x-4 gap-y-2 font-mono text-xs text-mute">
            <StatusBadge status={status} />
            <span>{session.session_type}</span>
            <span>{session.priority} priority</span>
            {session.tags.map((tag) => (
              <span key={tag}>#{tag}</span>
            ))}
          </p>
        </div>
        <Actions session={session} status={status} />
      </div>
      {session.queue && waitsForAgent(status) && (
        <p role="status" className="border-2 border-ink px-3 py-2">
          Waiting for an agent. {session.queue.message}
        </p>
      )}
      {session.requested_action && (
        <p role="status" className="caps border-2 border-warn px-3 py-2 text-warn">
          {session.requested_action} requested: waiting for the agent to finish its step
        </p>
      )}
    </header>
  );
}

/** Shows whether the page is up to date. */
function Connection(props: { connection: WatchConnection; stale: boolean; again: boolean }) {
  const { connection, stale } = props;
  const live = connection.status === 'live' && !stale;
  const text = {
    connecting: props.again ? 'Reconnecting' : 'Connecting',
    catching_up: 'Catching up',
    live: stale ? 'Partly out of date' : 'Live',
    waiting: 'Reconnecting',
  }[connection.status];
  return (
    <p
      role="status"
      data-connection={connection.status}
      title={connection.status === 'waiting' ? connection.reason : undefined}
      className={clsx('caps flex items-center gap-2', live ? 'text-go' : 'text-warn')}
    >
      <span aria-hidden="true" className={clsx('size-2 bg-current', !live && 'blink')} />
      {text}
    </p>
  );
}
