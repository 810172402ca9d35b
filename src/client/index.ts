/** The exports of the client package. Its README has a runnable example of each. */

export { applyEvents, emptyState } from '../domain/session/session-state.ts';
export type { Problem } from '../protocol/common/errors.ts';
export type { ContextChange } from '../protocol/context/context.ts';
export type { SessionEvent } from '../protocol/events/envelope.ts';
export type { HeldLock, LockPlace, LockView } from '../protocol/lock/lock.ts';
export type { SessionView } from '../protocol/session/session.ts';
export type { SessionState, TaskState, TranscriptItem } from '../protocol/session/session-state.ts';
export type { WatchFrame, WatchRequest } from '../protocol/session/watch-socket.ts';
export { type Client, type ClientOptions, createClient } from './client.ts';
export { ApiError, ConnectionError } from './errors.ts';
export type { WatchConnection, WatchSocketConstructor } from './follow.ts';
export { type LockHold, LockLostError, type LockOptions, withLock } from './lock.ts';
export type { CallOptions, RestClient, UpdateOptions } from './rest.ts';
export { LogFollower, type Step } from './resume.ts';
export type { SessionWatch, WatchOptions } from './watch.ts';
export type { ContextWatch, ContextWatchOptions } from './watch-context.ts';
