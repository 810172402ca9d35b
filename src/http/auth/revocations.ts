import { BoundedMap } from '../../domain/bounded-map.ts';
import { Unavailable } from '../../ports/unavailable.ts';
import type { Workspaces } from '../../ports/workspace.ts';

export const FRESH_MS = 15_000;
/** The longest time until a revocation takes effect, while the workspace's object cannot be reached. */
export const USABLE_MS = 30_000;
/** How often this isolate reports that a token is in use, and for how many tokens it remembers that it did. */
const REPORT_MS = 3_600_000;
const MAX_REPORTED = 10_000;

interface Snapshot {
  readAt: number;
  ids: Set<string>;
}

/**
 * A cache of each workspace's revoked tokens in this isolate. An entry is used for at most 15 s, or 30 s while the
 * workspace's object cannot be reached. After that, every request is rejected, because its token might be revoked.
 *
 * Requests do not share reads, because a promise of one request must not be awaited in another.
 */
export class Revocations {
  readonly #workspaces: Workspaces;
  readonly #now: () => number;
  readonly #snapshots = new Map<string, Snapshot>();
  /** When this isolate last reported a use of a token. */
  readonly #reported = new BoundedMap<string, number>(MAX_REPORTED);

  constructor(workspaces: Workspaces, now: () => number) {
    this.#workspaces = workspaces;
    this.#now = now;
  }

  /** @throws Unavailable when the list is too old and cannot be read */
  async isRevoked(workspace: string, tokenId: string): Promise<boolean> {
    return (await this.#idsOf(workspace, tokenId)).has(tokenId);
  }

  /** Drops the list after a revocation that this isolate has handled, so that it takes effect here at once. */
  forget(workspace: string): void {
    this.#snapshots.delete(workspace);
  }

  async #idsOf(workspace: string, tokenId: string): Promise<Set<string>> {
    const now = this.#now();
    const kept = this.#snapshots.get(workspace);
    const place = `${workspace}/${tokenId}`;
    const isReported = now - (this.#reported.get(place) ?? Number.NEGATIVE_INFINITY) < REPORT_MS;
    if (kept && isReported && now - kept.readAt < FRESH_MS) return kept.ids;
    try {
      const ids = new Set(await this.#workspaces.of(workspace).revokedTokens(isReported ? undefined : tokenId));
      this.#snapshots.set(workspace, { readAt: now, ids });
      if (!isReported) this.#reported.set(place, now);
      return ids;
    } catch (error) {
      if (error instanceof Unavailable && kept && now - kept.readAt < USABLE_MS) return kept.ids;
      throw error;
    }
  }
}
