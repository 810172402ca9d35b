import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { ApiError } from '../../../src/client/errors.ts';
import { type WatchConnection, watchSession } from '../../../src/client/watch.ts';
import { hasEnded } from '../../../src/domain/session/session-machine.ts';
import type { SessionState } from '../../../src/domain/session/session-state.ts';
import { signOutIfUnauthorized, useClient } from './api.tsx';

export interface Watched {
  /** The newest state; null until the first events have arrived. A broken connection does not reset it. */
  state: SessionState | null;
  connection: WatchConnection;
  /** The error that ended the watch; null while it runs. */
  refusal: ApiError | null;
}

/**
 * Calls `show` at the next animation frame. A tab in the background has no frames but must show what happens in its
 * title, so a timer calls it there.
 *
 * @returns cancels the call
 */
function atNextFrame(show: () => void): () => void {
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  const once = () => {
    cancel();
    show();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, NO_FRAME_MS);
  return cancel;
}

const NO_FRAME_MS = 250;
/** A reader who catches up gets a long log in many pages, too fast to be read. */
const CATCHING_UP_MS = 250;

/** Watches a session while its page is open. Renders at most once per animation frame. */
export function useSessionWatch(id: string): Watched {
  const client = useClient();
  const [watched, setWatched] = useState<Watched>({
    state: null,
    connection: { status: 'connecting' },
    refusal: null,
  });
  useEffect(() => {
    let cancel: (() => void) | null = null;
    let shownAt = 0;
    let live = false;
    const show = (change: Partial<Watched>) => setWatched((before) => ({ ...before, ...change }));
    const showState = () => {
      cancel = null;
      if (!live && performance.now() - shownAt < CATCHING_UP_MS) return;
      shownAt = performance.now();
      show({ state: watch.state });
    };
    const target = { baseUrl: location.origin, rest: client, WebSocket: globalThis.WebSocket };
    const watch = watchSession(target, id, {
      onConnection: (connection) => {
        live = connection.status === 'live';
        show(live ? { connection, state: watch.state } : { connection });
      },
      onState: () => {
        cancel ??= atNextFrame(showState);
      },
    });
    void watch.ended.then((refusal) => {
      if (!refusal) return;
      signOutIfUnauthorized(refusal);
      show({ refusal });
    });
    return () => {
      watch.close();
      cancel?.();
    };
  }, [client, id]);
  return watched;
}

const REFRESH_MS = 5_000;

/**
 * Reads the members that do not follow from the event log: legal actions, health, working time, place in the queue.
 * Refetches when the log shows a change, and every few seconds until the session has ended.
 */
export function useSessionView(id: string, state: SessionState | null) {
  const client = useClient();
  const queries = useQueryClient();
  const goesOn = state !== null && state.status !== 'pending' && !hasEnded(state.status);
  const tasks = Object.values(state?.tasks ?? {}).map((task) => task.status);
  const change =
    state && [state.status, state.requested_action, state.title, state.checkpoints.length, ...tasks].join(' ');
  const seen = useRef(change);
  useEffect(() => {
    if (seen.current === change) return;
    seen.current = change;
    void queries.invalidateQueries({ queryKey: sessionKey(id) });
  }, [queries, id, change]);
  return useQuery({
    queryKey: sessionKey(id),
    queryFn: ({ signal }) => client.sessions.get(id, ['tasks'], { signal }),
    refetchInterval: goesOn ? REFRESH_MS : false,
  });
}

export function sessionKey(id: string) {
  return ['session', id] as const;
}
