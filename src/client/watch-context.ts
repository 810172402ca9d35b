import type { ContextChange } from '../protocol/context/context.ts';
import { pathOf } from '../protocol/endpoints/routes.ts';
import { ContextFollower, type ContextStep } from './context-follower.ts';
import type { ApiError } from './errors.ts';
import { type FollowOptions, follow, type WatchTarget } from './follow.ts';
import type { LeaseKey } from './request.ts';
import type { RestClient } from './rest.ts';

export interface ContextWatchOptions extends FollowOptions {
  /** A JSON Pointer, such as `/build`. Only this place and what is below it is watched; by default, the whole context. */
  path?: string;
  /** Watches only changes after this version. If absent, the watch begins with a snapshot of the value. */
  after?: number;
  /** Called with new changes, each of which is delivered once and in order. Edits of other places are left out. */
  onChanges?: (changes: ContextChange[]) => void;
  /**
   * Called with the value of the place after new changes or a snapshot; undefined if there is none. `reset`: the
   * snapshot replaces the value, because the server no longer has all changes since the last version.
   */
  onValue?: (value: unknown, version: number, reset: boolean) => void;
}

/** A watch of a context. It runs until `close`, an abort, or an error that a reconnect cannot mend. */
export interface ContextWatch {
  /** The value of the place at `version`. With `after`, it has only what has changed since. */
  readonly value: unknown;
  /** The version up to which changes were received; null at first. To resume later, pass it as `after`. */
  readonly version: number | null;
  /** Resolves with the error that ended the watch, or with null after `close` or an abort. Never rejects. */
  readonly ended: Promise<ApiError | null>;
  /** Ends the watch. */
  close(): void;
}

/**
 * Watches a context: its value, its changes, or both. The watch reconnects as often as needed, and each connection
 * continues where the previous one ended. If the client names a lease, the watch ends with `stale_lease` when it is lost.
 *
 * ```ts
 * const watch = client.watchContext('global.notes', {
 *   path: '/build',
 *   onValue: (build, version) => console.log(version, build),
 * });
 * const error = await watch.ended;
 * if (error) console.error(error.message);
 * ```
 *
 * @param id its id, or its address such as `global.notes`
 */
export function watchContext(
  target: WatchTarget & { rest: Pick<RestClient, 'contexts'>; lease?: LeaseKey | undefined },
  id: string,
  options: ContextWatchOptions = {},
): ContextWatch {
  const { path } = options;
  const lease = target.lease && `${target.lease.task_id}/${target.lease.epoch}`;
  const follower = new ContextFollower(path, options.after);
  const take = ({ changes, reset }: ContextStep & { ok: true }) => {
    if (changes.length > 0) options.onChanges?.(changes);
    if (changes.length > 0 || reset) options.onValue?.(follower.value, follower.version!, reset);
  };

  const { ended, close } = follow(
    target,
    {
      path: pathOf('watchContext', { id }),
      connect() {
        follower.connect();
        const { version } = follower;
        return { ...(path && { path }), ...(lease && { lease }), ...(version !== null && { after: `${version}` }) };
      },
      receive(text) {
        const step = follower.receive(text);
        return step.ok ? { ...step, deliver: () => take(step) } : step;
      },
      explain: (signal) => target.rest.contexts.history(id, { page_size: 1 }, { signal }),
    },
    options,
  );

  return {
    get value() {
      return follower.value;
    },
    get version() {
      return follower.version;
    },
    ended,
    close,
  };
}
