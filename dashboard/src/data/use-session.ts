import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { ApiError } from '../../../src/client/errors.ts';
import type { WatchConnection } from '../../../src/client/watch.ts';
import { isWorking } from '../../../src/domain/session/session-machine.ts';
import type { SessionState } from '../../../src/domain/session/session-state.ts';
import { noteRefusal, useClient } from './api.tsx';

export interface Watched {
  /** Null until the first of it has come; from then on the last that came, whatever the connection does. */
  state: SessionState | null;
  connection: WatchConnection;
  /** Why there is nothing (more) to watch. */
  refusal: ApiError | null;
}

/** Watches a session for as long as its page is open; new states are shown at most once a frame. */
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
      noteRefusal(refusal);
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
 * What the log does not say: legal actions, health, time spent. Read again when the log says that something changed,
 * and now and then while time counts.
 */
export function useSessionView(id: string, state: SessionState | null) {
  const client = useClient();
  const queries = useQueryClient();
  const working = state !== null && isWorking(state.status);
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
    refetchInterval: working ? REFRESH_MS : false,
  });
}

export function sessionKey(id: string) {
  return ['session', id] as const;
}
