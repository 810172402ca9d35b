import type { Call } from '../ports/calls.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { Sockets } from '../ports/sockets.ts';
import { parseCursor } from '../protocol/common/cursor.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId } from '../protocol/common/ids.ts';
import type { EventPage } from '../protocol/events/envelope.ts';

/** What a reader of the log asks for. */
interface EventsQuery {
  after?: string | undefined;
  limit: number;
  wait_seconds: number;
}

/** Reads a page of the log. If it would be empty, waits for the next event first, for at most `wait_seconds`. */
export async function readEvents(
  { sessions, sockets }: { sessions: Sessions; sockets: Pick<Sockets, 'nextEvent'> },
  call: Call,
  id: SessionId,
  { after, limit, wait_seconds }: EventsQuery,
): Promise<Outcome<EventPage>> {
  const session = sessions.at(call.principal.workspace, id);
  const page = await session.events(call, after === undefined ? null : parseCursor(after), limit);
  if (!page.ok || wait_seconds === 0 || page.value.items.length > 0 || page.value.reset) return page;
  const { cursor } = page.value;
  const waited = await sockets.nextEvent(call, id, cursor, wait_seconds * 1_000);
  if (!waited.ok) return waited;
  return session.events(call, parseCursor(cursor), limit);
}
