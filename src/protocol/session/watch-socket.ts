import * as z from 'zod';
import type { SessionEvent } from '../events/envelope.ts';

/**
 * The watch socket: `GET /ws/sessions/{id}?after=<cursor>`, subprotocol `oio.v1`.
 *
 * ```
 * server  hello {mode: resume|snapshot}
 * client  pull                            server  snapshot (part i of n) …   only in mode snapshot
 * client  pull                            server  page {live: false} …       catch-up, at the reader's pace
 * client  pull                            server  page {live: true}          the last page and the join are one step
 *                                         server  events … events            live
 * client  ack {received}                  after every server frame it has taken in
 * ```
 *
 * `received` counts the characters (UTF-16 units) of all server frames that this connection has taken in; a watcher
 * whose acknowledgements fall 1 MB behind is closed with code 4008 and its cursor as the reason: it comes back by
 * `after` and pulls. `ping` as a bare text is answered `pong` without waking the object.
 */
export const WatchRequest = z.discriminatedUnion('type', [
  z.object({ type: z.literal('pull') }),
  z.object({ type: z.literal('ack'), received: z.int().min(0) }),
]);
export type WatchRequest = z.infer<typeof WatchRequest>;

export type WatchFrame =
  | { type: 'hello'; mode: 'resume'; cursor: string; head: number }
  | { type: 'hello'; mode: 'snapshot'; cursor: string; head: number; parts: number; reason: SnapshotReason }
  /** A slice of the JSON text of the folded state (`SessionState`) at `hello.cursor`. */
  | { type: 'snapshot'; part: number; data: string }
  | { type: 'page'; events: SessionEvent[]; cursor: string; live: boolean }
  | { type: 'events'; events: SessionEvent[]; cursor: string };

/** Why a cursor could not be resumed: nothing was named, another life of the log, below its floor, beyond its head. */
export type SnapshotReason = 'no_cursor' | 'incarnation' | 'below_floor' | 'beyond_head';
