import { clsx } from 'clsx';
import { type ReactNode, useRef } from 'react';
import type { WatchConnection } from '../../../../src/client/watch.ts';
import { queueText } from '../../../../src/domain/dispatch/place-text.ts';
import { waitsForAgent } from '../../../../src/domain/session/session-status.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { PageTitle } from '../../ui/page-title.tsx';
import { StatusBadge, statusText } from '../../ui/status-badge.tsx';
import { useHeightAsVariable } from '../../ui/use-height-as-variable.ts';
import { Actions } from './actions.tsx';

/** The session's title, status and actions. They stay in sight while the page scrolls. */
export function SessionHeader(props: {
  session: SessionView;
  status: SessionStatus;
  /** The page has lost the session, so its status may have changed. */
  past: boolean;
  children?: ReactNode;
}) {
  const { session, status, past } = props;
  const bar = useRef<HTMLElement>(null);
  useHeightAsVariable(bar, '--session-bar');
  const title = visible(session.title);
  return (
    <header
      ref={bar}
      className="sticky top-[var(--header,0px)] z-20 -mx-4 space-y-2 border-b-3 border-ink bg-paper px-4 pt-2 pb-3"
    >
      <PageTitle text={`${title}: ${past ? 'was ' : ''}${statusText(status)}`} />
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <div className="flex min-w-0 flex-1 basis-80 items-center gap-3">
          <StatusBadge status={status} past={past} />
          <h1
            title={title}
            className="line-clamp-3 min-w-0 text-lg leading-tight font-black tracking-tight wrap-anywhere sm:line-clamp-2 sm:text-2xl"
          >
            {title}
          </h1>
        </div>
        <p role="status" className="sr-only">
          The session {past ? 'was' : 'is'} {statusText(status)}.
        </p>
        <Actions session={session} status={status} past={past} />
      </div>
      {session.queue && waitsForAgent(status) && (
        <p role="status" className="border-2 border-ink px-3 py-1.5 text-sm">
          {visible(queueText(session.queue))}
        </p>
      )}
      {session.requested_action && (
        <p role="status" className="caps border-2 border-warn px-3 py-1.5 text-warn">
          {session.requested_action} requested: waiting for the agent to finish its step
        </p>
      )}
      {props.children}
    </header>
  );
}

/** Shows whether the page is up to date. */
export function Connection(props: {
  connection: WatchConnection;
  /** The last refetch failed. */
  stale: boolean;
  /** Whether the page shows a state already, so that a new connection is a reconnection. */
  again: boolean;
}) {
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
