import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { ApiError } from '../../src/client/errors.ts';
import { withLock } from '../../src/client/lock.ts';
import type { RestClient } from '../../src/client/rest.ts';
import type { SessionId } from '../../src/protocol/common/ids.ts';
import { LockResource, type LockView } from '../../src/protocol/lock/lock.ts';
import { ToolError } from './answers.ts';

/** How many claims one lease may hold at a time. */
const MAX_CLAIMS = 20;
/** A claim ends by itself after this time if the runner is cut off or dies. */
const TTL_SECONDS = 60;
const MAX_PATH_CHARS = 140;

/** What a model claims: a resource of the workspace by its name, or a path of the session's repository. */
export interface Claimed {
  resource?: string | undefined;
  path?: string | undefined;
}

interface Claim {
  /** Resolves with the fencing token when the task holds the lock. Rejects if it does not get it. */
  acquired: Promise<number>;
  /** Aborted when the task gives the claim up. */
  given: AbortController;
  /** Resolves when the claim has ended. */
  ended: Promise<void>;
}

interface Dependencies {
  locks: RestClient['locks'];
  session_id: SessionId;
  /** Who claims, for those who read the lock. */
  owner: string;
}

/** What one lease has claimed, by locks that the runner extends as long as the lease goes on. */
export class Claims {
  readonly #dependencies: Dependencies;
  /** By the resource of the lock. */
  readonly #claims = new Map<string, Claim>();
  readonly #closed = new AbortController();
  #lost: string[] = [];

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** @param waitSeconds how long to wait for others */
  async claim(what: Claimed, waitSeconds: number): Promise<string> {
    const resource = this.#resourceOf(what);
    const known = this.#claims.get(resource);
    if (known) {
      await untilHeld(what, known);
      return `This task has claimed ${nameOf(what)} already.`;
    }
    if (this.#claims.size >= MAX_CLAIMS) {
      throw new ToolError(`This task holds ${MAX_CLAIMS} claims, which is the most. Release one first.`);
    }
    const acquired = Promise.withResolvers<number>();
    const given = new AbortController();
    const ended = this.#hold(resource, waitSeconds, acquired, given.signal).then((isLost) => {
      this.#claims.delete(resource);
      if (isLost) this.#lost.push(nameOf(what));
    });
    const claim = { acquired: acquired.promise, given, ended };
    this.#claims.set(resource, claim);
    const fencingToken = await untilHeld(what, claim);
    return `This task holds ${nameOf(what)} now, with the fencing token ${fencingToken}. Release it as soon as you have done what needs it.`;
  }

  async release(what: Claimed): Promise<string> {
    const claim = this.#claims.get(this.#resourceOf(what));
    if (claim === undefined) throw new ToolError(`This task does not hold ${nameOf(what)}.`);
    claim.given.abort();
    await claim.ended;
    return `This task holds ${nameOf(what)} no longer.`;
  }

  /** A sentence on claims that were lost since the last call; null if none was. */
  takeLost(): string | null {
    const lost = this.#lost;
    this.#lost = [];
    if (lost.length === 0) return null;
    return `Attention: this task has lost its claim of ${lost.join(', ')}, because it could not be extended in time. Others may have changed it.`;
  }

  /** Releases everything. */
  async close(): Promise<void> {
    this.#closed.abort();
    const claims = [...this.#claims.values()];
    for (const { given } of claims) given.abort();
    await Promise.all(claims.map(({ ended }) => ended));
  }

  /**
   * Resolves when the lock has ended.
   * @param given is aborted when the task gives the claim up, whether it holds the lock by then or not
   * @returns whether it was lost
   */
  async #hold(
    resource: string,
    waitSeconds: number,
    acquired: PromiseWithResolvers<number>,
    given: AbortSignal,
  ): Promise<boolean> {
    const { locks, owner } = this.#dependencies;
    let isHeld = false;
    const waiting = new AbortController();
    const signal = AbortSignal.any([this.#closed.signal, waiting.signal]);
    const giveUp = () => {
      if (!isHeld) waiting.abort();
    };
    given.addEventListener('abort', giveUp, { once: true });
    const options = { owner, ttlSeconds: TTL_SECONDS, waitSeconds, signal };
    try {
      await withLock(
        { locks },
        resource,
        async ({ signal, fencingToken }) => {
          isHeld = true;
          acquired.resolve(fencingToken);
          await aborted(AbortSignal.any([given, signal]));
        },
        options,
      );
      return false;
    } catch (error) {
      acquired.reject(error);
      return isHeld && !this.#closed.signal.aborted && !given.aborted;
    }
  }

  /**
   * The lock of a claim. A path counts among the tasks of the session, a resource in the whole workspace. The name of a lock
   * has no slash.
   */
  #resourceOf({ resource, path }: Claimed): string {
    if (path === undefined && resource !== undefined) {
      if (LockResource().safeParse(resource).success && !resource.startsWith('path:')) return resource;
      throw new ToolError(
        'Use another name for the resource: 1–200 letters, digits and _ . : @ -, not beginning with "path:", such as deploy:web.',
      );
    }
    if (path === undefined || resource !== undefined) throw new ToolError('Give either a path or a resource.');
    const relative = posix.normalize(path.replaceAll('\\', '/')).replace(/^\.?\/|\/$/g, '');
    if (relative === '' || relative === '.' || relative === '..' || relative.startsWith('../')) {
      throw new ToolError('The path must be one inside the repository, from its top, such as src/main.ts.');
    }
    const encoded = relative.replaceAll(/[^A-Za-z0-9_.-]/gu, (char) =>
      char === '/' ? ':' : `@${char.codePointAt(0)!.toString(16)}@`,
    );
    const short =
      encoded.length <= MAX_PATH_CHARS ? encoded : `@sha256@${createHash('sha256').update(relative).digest('hex')}`;
    return `path:${this.#dependencies.session_id}:${short}`;
  }
}

/**
 * Waits until a claim is held.
 * @returns the fencing token
 * @throws ToolError if another task holds it, or if the claim was given up
 */
async function untilHeld(what: Claimed, { acquired, given }: Claim): Promise<number> {
  try {
    return await acquired;
  } catch (error) {
    if (given.signal.aborted) throw new ToolError(`The claim of ${nameOf(what)} was released before its turn came.`);
    if (!(error instanceof ApiError) || error.code !== 'lock_held') throw error;
    const { holder, waiters } = error.problem.current as LockView;
    const who = holder ? `${labelOf(holder.owner)} holds it` : `It is the turn of ${labelOf(waiters[0] ?? '')}`;
    throw new ToolError(
      `This task does not hold ${nameOf(what)}: ${who}. Do something else first, and claim it again later.`,
    );
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** An owner without the random part by which `withLock` tells its calls apart. */
function labelOf(owner: string): string {
  return owner.split('#')[0]!;
}

function nameOf({ resource, path }: Claimed): string {
  return path === undefined ? `the resource ${resource}` : `the path ${path}`;
}
