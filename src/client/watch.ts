import type { SessionState } from '../domain/session/session-state.ts';
import { pathOf } from '../protocol/endpoints/routes.ts';
import type { SessionEvent } from '../protocol/events/envelope.ts';
import type { ApiError } from './errors.ts';
import { type FollowOptions, follow, type WatchTarget } from './follow.ts';
import type { RestClient } from './rest.ts';
import { LogFollower } from './resume.ts';

export type { WatchConnection } from './follow.ts';

export interface WatchOptions extends FollowOptions {
  /** Watches only events after this cursor. If absent, the watch begins with a snapshot of the state. */
  after?: string;
  /** Called with new events. Each position of the log is delivered once and in order. */
  onEvents?: (events: SessionEvent[]) => void;
  /** Called with the state after new events or a snapshot. `reset`: the snapshot replaces all earlier events. */
  onState?: (state: SessionState, reset: boolean) => void;
  /** Keeps all events since the last snapshot in `events`, without a limit. For tests that compare logs. */
  keepEvents?: boolean;
}

/** A watch of a session. It runs until `close`, an abort, or an error that a reconnect cannot mend. */
export interface SessionWatch {
  /** The session's state up to `cursor`. */
  readonly state: SessionState;
  /** With `keepEvents`, all events since the last snapshot. */
  readonly events: readonly SessionEvent[];
  /** The position up to which the log was received; null at first. To resume later, pass it as `after`. */
  readonly cursor: string | null;
  /** Resolves with the error that ended the watch, or with null after `close` or an abort. Never rejects. */
  readonly ended: Promise<ApiError | null>;
  /** Ends the watch. */
  close(): void;
}

/**
 * Watches a session: its state, its events, or both. The watch reconnects as often as needed, and each connection
 * continues where the previous one ended. It ends by itself only if the session does not exist or was deleted, or if
 * the token is not valid or may not read the session.
 *
 * ```ts
 * const watch = client.watchSession(id, {
 *   onState: ({ status }) => {
 *     console.log(status);
 *     if (status === 'completed') watch.close();
 *   },
 * });
 * const error = await watch.ended;
 * if (error) console.error(error.message);
 * ```
 */
export function watchSession(
  target: WatchTarget & { rest: Pick<RestClient, 'sessions'> },
  id: string,
  options: WatchOptions = {},
): SessionWatch {
  const follower = new LogFollower(options.after);
  let events: SessionEvent[] = [];
  const take = (step: { events: SessionEvent[]; reset: boolean }) => {
    if (step.reset) events = [];
    if (options.keepEvents) for (const event of step.events) events.push(event);
    if (step.events.length > 0) options.onEvents?.(step.events);
    if (step.events.length > 0 || step.reset) options.onState?.(follower.state, step.reset);
  };

  const { ended, close } = follow(
    target,
    {
      path: pathOf('watchSession', { id }),
      connect() {
        follower.connect();
        return follower.cursor === null ? {} : { after: follower.cursor };
      },
      receive(text) {
        const step = follower.receive(text);
        return step.ok ? { ...step, deliver: () => take(step) } : step;
      },
      explain: (signal) => target.rest.sessions.events(id, { limit: 1 }, { signal }),
    },
    options,
  );

  return {
    get state() {
      return follower.state;
    },
    get events() {
      return events;
    },
    get cursor() {
      return follower.cursor;
    },
    ended,
    close,
  };
}
