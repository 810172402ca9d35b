import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { ApiError } from '../../../src/client/errors.ts';
import type { WatchConnection } from '../../../src/client/watch.ts';
import { isWorking } from '../../../src/domain/session/session-machine.ts';
import type { SessionState } from '../../../src/domain/session/session-state.ts';
import { waitsForAgent } from '../../../src/domain/session/session-status.ts';
import { signOutIfUnauthorized, useClient } from './api.tsx';

export interface Watched {
  /** The newest state; null until the first events have arrived. A broken connection does not reset it. */
  state: SessionState | null;
  connection: WatchConnection;
  /** The error that ended the watch; null while it runs. */
  refusal: ApiError | null;
}

/** Watches a session while its page is open. Renders at most once per animation frame. */
export function useSessionWatch(id: string): Watched {
  const client = useClient();
  const [watched, setWatched] = useState<Watched>({
    state: null,
    connection: { status: 'connecting' },
    refusal: null,
  });
  useEffect(() => {
    let frame = 0;
    const show = (change: Partial<Watched>) => setWatched((before) => ({ ...before, ...change }));
    const watch = client.watchSession(id, {
      onConnection: (connection) => show({ connection }),
      onState: () => {
        frame ||= requestAnimationFrame(() => {
          frame = 0;
          show({ state: watch.state });
        });
      },
    });
    void watch.ended.then((refusal) => {
      if (!refusal) return;
      signOutIfUnauthorized(refusal);
      show({ refusal });
    });
    return () => {
      watch.close();
      cancelAnimationFrame(frame);
    };
  }, [client, id]);
  return watched;
}

const REFRESH_MS = 5_000;

/**
 * Reads the members that do not follow from the event log: legal actions, health, working time, place in the queue. Refetches when the log
 * shows a change, and every few seconds while the session is working or waits for an agent.
 */
export function useSessionView(id: string, state: SessionState | null) {
  const client = useClient();
  const queries = useQueryClient();
  const changing = state !== null && (isWorking(state.status) || waitsForAgent(state.status));
  const change = state && [state.status, state.requested_action, state.title, state.checkpoints.length].join(' ');
  const seen = useRef(change);
  useEffect(() => {
    if (seen.current === change) return;
    seen.current = change;
    void queries.invalidateQueries({ queryKey: sessionKey(id) });
  }, [queries, id, change]);
  return useQuery({
    queryKey: sessionKey(id),
    queryFn: ({ signal }) => client.sessions.get(id, ['tasks'], { signal }),
    refetchInterval: changing ? REFRESH_MS : false,
  });
}

export function sessionKey(id: string) {
  return ['session', id] as const;
}
