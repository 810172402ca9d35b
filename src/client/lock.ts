import { MAX_LOCK_WAIT_SECONDS } from '../protocol/common/limits.ts';
import { pause } from './backoff.ts';
import { ApiError, ConnectionError, isFinal } from './errors.ts';
import type { RestClient } from './rest.ts';

export interface LockOptions {
  /** Who locks, for those who read the lock; at most 60 characters. Each call adds a random part: it is a new owner. */
  owner?: string;
  /** The lock ends after this time if this program dies or is cut off; 30 by default. */
  ttlSeconds?: number;
  /** How long to wait for the lock; without a limit by default. 0: not at all. */
  waitSeconds?: number;
  /** Ends the wait, or the signal of the work, when it aborts. */
  signal?: AbortSignal;
  /** Called with the place in the queue each time that a request has waited. */
  onWait?: (place: number) => void;
}

/** What the work under a lock gets. */
export interface LockHold {
  /** Aborts when the lock may be lost, a sixth of the TTL before it is. Stop the work then. */
  signal: AbortSignal;
  /** Send it with every write to what the lock protects, which refuses a lower one than it has seen. */
  fencingToken: number;
}

/** The lock was lost while the work was running: it could not be renewed in time. `cause` says why. */
export class LockLostError extends Error {
  constructor(resource: string, cause: unknown) {
    super(`The lock ${resource} was lost before the work had ended.`, { cause });
    this.name = 'LockLostError';
  }
}

/** Renewed after this part of the TTL, and given up after this one: the work needs time to stop. */
const RENEWED_AFTER = 1 / 3;
const LOST_AFTER = 5 / 6;
const MAX_PAUSE_MS = 1_000;
/** A server that cannot wait does not get many requests. */
const MIN_ROUND_MS = 100;
/** A release that does not arrive is made up for by the TTL, so the caller does not wait long for it. */
const RELEASE_WITHIN_MS = 5_000;

const NOT_RENEWED = 'The control plane did not renew the lock in time.';

/** The time since now, in ms. */
type Age = () => number;

/** A lock that this program holds. */
interface Held {
  resource: string;
  fencingToken: number;
  ttlMs: number;
  /** The time since the request that acquired or renewed it was sent, which is before its TTL began. */
  age: Age;
}

/**
 * Runs `work` while holding a lock. Waits for the lock, renews it until the work has ended, and releases it then.
 *
 * ```ts
 * await withLock(client, 'deploy:web', async ({ signal, fencingToken }) => deploy(fencingToken, signal));
 * ```
 *
 * @returns what `work` returns
 * @throws ApiError `lock_held` if the lock did not come free in time; LockLostError if it was lost while the work was
 *   running; whatever `work` throws
 */
export async function withLock<T>(
  { locks }: Pick<RestClient, 'locks'>,
  resource: string,
  work: (hold: LockHold) => T | Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const held = await acquire(locks, resource, options);
  const [lost, ending] = [new AbortController(), new AbortController()];
  const keeping = keep(locks, held, ending.signal).then((cause) => {
    if (cause !== null) lost.abort(new LockLostError(resource, cause));
  });
  const { fencingToken } = held;
  try {
    const signal = options.signal ? AbortSignal.any([lost.signal, options.signal]) : lost.signal;
    const value = await work({ signal, fencingToken });
    lost.signal.throwIfAborted();
    return value;
  } catch (error) {
    lost.signal.throwIfAborted();
    throw error;
  } finally {
    ending.abort();
    await keeping;
    if (!lost.signal.aborted) await release(locks, held);
  }
}

async function acquire(locks: RestClient['locks'], resource: string, options: LockOptions): Promise<Held> {
  const { owner: label = 'client', ttlSeconds = 30, waitSeconds = Number.POSITIVE_INFINITY, signal, onWait } = options;
  const owner = `${label}#${crypto.randomUUID()}`;
  const waited = stopwatch();
  for (;;) {
    const left = Math.floor(waitSeconds - waited() / 1_000);
    const wait_seconds = Math.max(0, Math.min(left, MAX_LOCK_WAIT_SECONDS));
    const age = stopwatch();
    try {
      const body = { owner, ttl_seconds: ttlSeconds, wait_seconds };
      const answer = await locks.acquire(resource, body, signal && { signal });
      if ('fencing_token' in answer) {
        const held = { resource, fencingToken: answer.fencing_token, ttlMs: ttlSeconds * 1_000, age };
        // After a late answer, a renewal makes sure that the work begins with a whole TTL.
        return isDue(held) ? await renewed(locks, held, signal) : held;
      }
      onWait?.(answer.place);
      if (age() < MIN_ROUND_MS) await pause(MIN_ROUND_MS, signal);
    } catch (error) {
      if (wait_seconds === 0 || !(isTemporary(error) || isLost(error))) throw error;
      await pause(MAX_PAUSE_MS, signal);
    }
  }
}

/** Renews a lock until `ending` aborts. @returns why it was lost; null if it was not */
async function keep(locks: RestClient['locks'], first: Held, ending: AbortSignal): Promise<unknown> {
  for (let held = first; ; ) {
    while (!ending.aborted && !isDue(held)) await pause(nextLookMs(held), ending);
    if (ending.aborted) return null;
    const inTime = new AbortController();
    const timer = setTimeout(() => inTime.abort(new ConnectionError(NOT_RENEWED)), leftMs(held));
    try {
      held = await renewed(locks, held, AbortSignal.any([ending, inTime.signal]));
    } catch (error) {
      if (ending.aborted) return null;
      if (leftMs(held) <= 0 || inTime.signal.aborted || !isTemporary(error)) return error;
      await pause(Math.min(nextLookMs(held), leftMs(held)), ending);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function renewed(locks: RestClient['locks'], held: Held, signal: AbortSignal | undefined): Promise<Held> {
  const age = stopwatch();
  await locks.renew(held.resource, { fencing_token: held.fencingToken }, signal && { signal });
  return { ...held, age };
}

async function release(locks: RestClient['locks'], { resource, fencingToken }: Held): Promise<void> {
  const inTime = new AbortController();
  const timer = setTimeout(() => inTime.abort(), RELEASE_WITHIN_MS);
  await locks.release(resource, { fencing_token: fencingToken }, { signal: inTime.signal }).catch(() => undefined);
  clearTimeout(timer);
}

function isDue({ ttlMs, age }: Held): boolean {
  return age() >= ttlMs * RENEWED_AFTER;
}

/** The time until the lock is given up. */
function leftMs({ ttlMs, age }: Held): number {
  return Math.max(0, ttlMs * LOST_AFTER - age());
}

/** Short, because a timer does not notice that the machine has slept. */
function nextLookMs({ ttlMs }: Held): number {
  return Math.min(ttlMs / 12, MAX_PAUSE_MS);
}

/** Measures with two clocks and takes the longer time: one may stand still while the machine sleeps, one may step back. */
function stopwatch(): Age {
  const [monotonic, wall] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - monotonic, Date.now() - wall);
}

/** Whether the same request may succeed soon. */
function isTemporary(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiError && !isFinal(error));
}

function isLost(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'lock_lost';
}
