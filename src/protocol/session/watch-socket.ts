import * as z from 'zod';
import { CursorText } from '../common/cursor-text.ts';
import { type Infer, schema } from '../common/schema.ts';
import { SessionEvent } from '../events/envelope.ts';

/**
 * The watch socket: `GET /ws/sessions/{id}?after=<cursor>`, subprotocol `oio.v1`.
 *
 * ```
 * server  hello {mode: resume|snapshot}
 * client  pull                            server  snapshot (part i of n) …   only in mode snapshot
 * client  pull                            server  page {live: false} …       catch-up, at the reader's pace
 * client  pull                            server  page {live: true}          the last page and the join are one step
 *                                         server  events … events            live
 * client  ack {mark}                      server  mark {mark} …              after each MARK_EVERY_CHARS
 * ```
 *
 * A mark is random, so only a client that has read all frames before it can acknowledge them. If a watcher's acknowledgements fall MAX_WATCHER_LAG_BYTES behind, the server closes it with code 4008
 * and its cursor as the reason. The client then reconnects with `after` and pulls. The platform answers the bare text
 * `ping` with `pong` without waking the object.
 */
export const WatchRequest = schema(() =>
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('pull') }),
    z.object({ type: z.literal('ack'), mark: z.string().max(100) }),
  ]),
);
export type WatchRequest = Infer<typeof WatchRequest>;

/** Why the server did not resume: no cursor, another incarnation of the log, below its floor, or beyond its head. */
export const SnapshotReason = schema(() => z.enum(['no_cursor', 'incarnation', 'below_floor', 'beyond_head']));
export type SnapshotReason = Infer<typeof SnapshotReason>;

/** The server's frames. The server writes them without a check; the schema is for the documentation and the tests. */
export const WatchFrame = schema(() => {
  const hello = z.literal('hello');
  const place = { cursor: CursorText(), head: z.int().min(0) };
  return z.union([
    z.object({ type: hello, mode: z.literal('resume'), ...place }),
    z.object({
      type: hello,
      mode: z.literal('snapshot'),
      ...place,
      parts: z.int().min(0),
      reason: SnapshotReason(),
    }),
    /** A part of the JSON text of the folded state (`SessionState`) at `hello.cursor`. */
    z.object({ type: z.literal('snapshot'), part: z.int().min(0), data: z.string() }),
    z.object({
      type: z.literal('page'),
      events: z.array(SessionEvent()),
      cursor: CursorText(),
      live: z.boolean(),
    }),
    z.object({ type: z.literal('mark'), mark: z.string() }),
    z.object({ type: z.literal('events'), events: z.array(SessionEvent()), cursor: CursorText() }),
  ]);
});
export type WatchFrame = Infer<typeof WatchFrame>;
