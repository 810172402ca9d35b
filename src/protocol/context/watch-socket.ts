import * as z from 'zod';
import { type Infer, schema } from '../common/schema.ts';
import { ContextChange, ContextId } from './context.ts';

/**
 * The watch socket of a context: `GET /ws/contexts/{id}?path=<pointer>&after=<version>`, subprotocol `oio.v1`.
 *
 * ```
 * server  hello {mode: resume|snapshot}
 * client  pull                            server  snapshot (part i of n) …   only in mode snapshot
 * client  pull                            server  changes {live: false} …    catch-up, at the reader's pace
 * client  pull                            server  changes {live: true}       the last page and the join are one step
 *                                         server  changes … changes          live
 * client  ack {mark}                      server  mark {mark} …              after each MARK_EVERY_BYTES
 * ```
 *
 * The requests are those of a session's watch socket (`WatchRequest`). With a `path`, values and edits are those of this
 * place and below, and versions that have not changed it are left out. If a watcher's acknowledgements fall
 * MAX_WATCHER_LAG_BYTES behind, the server closes it with code 4008. The client then reconnects with its version.
 */

/** Why the server does not resume: no version, or one whose snapshot cannot go on; one that is older than the kept ones or newer than all, or a long change. */
export const ContextSnapshotReason = schema(() => z.enum(['no_version', 'below_base', 'beyond_head', 'too_long']));
export type ContextSnapshotReason = Infer<typeof ContextSnapshotReason>;

/** The server's frames. The server writes them without a check; the schema is for the documentation and the tests. */
export const ContextWatchFrame = schema(() => {
  const hello = z.literal('hello');
  /** `version`: that of the snapshot, or the one from which the server resumes. `head`: the newest one. */
  const place = { context_id: ContextId(), version: z.int().min(0), head: z.int().min(1) };
  return z.union([
    z.object({ type: hello, mode: z.literal('resume'), ...place }),
    /** `parts` is 0 if there is no value at the path. */
    z.object({
      type: hello,
      mode: z.literal('snapshot'),
      ...place,
      parts: z.int().min(0),
      reason: ContextSnapshotReason(),
    }),
    /** A part of the JSON text of the value at `hello.version`. */
    z.object({ type: z.literal('snapshot'), part: z.int().min(0), data: z.string() }),
    /** All changes after `after`, up to `version`. */
    z.object({
      type: z.literal('changes'),
      after: z.int().min(0),
      version: z.int().min(0),
      changes: z.array(ContextChange()),
      live: z.boolean(),
    }),
    z.object({ type: z.literal('mark'), mark: z.string() }),
  ]);
});
export type ContextWatchFrame = Infer<typeof ContextWatchFrame>;
