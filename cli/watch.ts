import type { Client } from '../src/client/client.ts';
import { hasEnded } from '../src/domain/session/session-machine.ts';
import type { SessionStatus } from '../src/protocol/common/enums.ts';
import type { SessionEvent } from '../src/protocol/events/envelope.ts';

export interface FollowOptions {
  signal?: AbortSignal | undefined;
  onEvent(event: SessionEvent): void;
}

const pageSize = 500;

/**
 * Calls `onEvent` for each event of a session, from the oldest stored event until the session has ended. Reconnects as
 * needed.
 *
 * @returns the final status; undefined if the signal aborted first
 * @throws ApiError when the session does not exist for this token
 */
export async function followSession(
  client: Pick<Client, 'sessions' | 'watchSession'>,
  id: string,
  { signal, onEvent }: FollowOptions,
): Promise<SessionStatus | undefined> {
  let status: SessionStatus | undefined;
  const handle = (event: SessionEvent) => {
    onEvent(event);
    if (event.type === 'session.status') status = event.data.to;
  };
  const after = await readPast(client, id, handle);
  // No events are stored for a session that ended long ago.
  status ??= (await client.sessions.get(id)).status;
  if (status !== undefined && hasEnded(status)) return status;

  const done = new AbortController();
  const watch = client.watchSession(id, {
    after,
    signal: signal ? AbortSignal.any([signal, done.signal]) : done.signal,
    onEvents: (events) => events.forEach(handle),
    // Events alone are not enough: if the log no longer reaches back to the cursor, a snapshot replaces them.
    onState(state) {
      if (!hasEnded(state.status)) return;
      status = state.status;
      done.abort();
    },
  });
  const error = await watch.ended;
  if (error) throw error;
  return done.signal.aborted ? status : undefined;
}

/** Reads the log up to its head. @returns the cursor of the head */
async function readPast(
  client: Pick<Client, 'sessions'>,
  id: string,
  handle: (event: SessionEvent) => void,
): Promise<string> {
  let after: string | undefined;
  for (;;) {
    const page = await client.sessions.events(id, { limit: pageSize, ...(after === undefined ? {} : { after }) });
    page.items.forEach(handle);
    if (!page.has_more) return page.cursor;
    after = page.cursor;
  }
}
