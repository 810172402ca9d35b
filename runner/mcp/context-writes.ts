import { createHash } from 'node:crypto';
import { ApiError } from '../../src/client/errors.ts';
import type { RestClient } from '../../src/client/rest.ts';
import { pathOf } from '../../src/domain/context/edits.ts';
import type { Json, JsonObject } from '../../src/domain/context/json.ts';
import { valueIn } from '../../src/domain/context/json-patch.ts';
import type { SessionId, TaskId } from '../../src/protocol/common/ids.ts';
import { addressOf, isSessions, type Which } from './addresses.ts';
import { ToolError } from './answers.ts';
import type { Disputes } from './disputes.ts';
import { placesOf, wholeOf } from './places.ts';
import type { SeenVersions } from './seen-versions.ts';
import { hasMask, shown } from './shown.ts';
import { isConflict, type StaleKey, staleText } from './stale.ts';

export interface ContextWritesDependencies {
  contexts: RestClient['contexts'];
  lease: { session_id: SessionId; task_id: TaskId; epoch: number };
  agentId: string;
  seen: SeenVersions;
  disputes: Disputes;
}

const MAX_ATTEMPTS = 5;

/** A place that a write changes; without a value, it is removed. */
interface Change {
  path: string;
  yours: Json | undefined;
}

/**
 * The writes of a lease to contexts. Each has a condition: nobody else has changed its places since the worktree has seen
 * them. What the worktree has written itself, it has seen.
 */
export class ContextWrites {
  readonly #dependencies: ContextWritesDependencies;
  /** How many writes were answered. */
  #answers = 0;

  constructor(dependencies: ContextWritesDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws ToolError if somebody else has changed the place */
  put(place: string, value: Json, which: Which): Promise<{ path: string; version: number }> {
    const { contexts } = this.#dependencies;
    const address = this.#address(which);
    return this.#write([{ path: place, yours: value }], which, (expected_version) => {
      const idempotencyKey = this.#keyOf('set', { address, place, value, expected_version });
      return contexts.putKey(address, place, { value, expected_version }, { idempotencyKey });
    });
  }

  /** @param updates a JSON merge patch @throws ToolError if somebody else has changed one of the places */
  async patch(updates: JsonObject, which: Which): Promise<{ places: string[]; version: number }> {
    const { contexts } = this.#dependencies;
    const address = this.#address(which);
    const places = placesOf(updates);
    if (places.length === 0) throw new ToolError('The patch changes nothing. Name the members to set in `updates`.');
    // A merge patch removes by `null`.
    const changes = places.map((path) => ({ path, yours: valueIn(updates, pathOf(path)) ?? undefined }));
    const { version } = await this.#write(changes, which, (expected_version) => {
      const idempotencyKey = this.#keyOf('patch', { address, updates, expected_version });
      return contexts.update(address, { updates, expected_version }, { idempotencyKey });
    });
    return { places, version };
  }

  async #write<T extends { version: number }>(
    changes: readonly Change[],
    which: Which,
    send: (expected_version: number) => Promise<T>,
  ): Promise<T> {
    const { seen, disputes } = this.#dependencies;
    const address = this.#address(which);
    let expected = await this.#seenAt(address, changes, which);
    for (let attempt = 1; ; attempt++) {
      try {
        const written = await this.#answered(send(expected));
        for (const { path, yours } of changes) {
          seen.note(address, path, written.version);
          if (isSessions(which)) await disputes.decided(path, yours);
        }
        return written;
      } catch (error) {
        if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error;
        const { version, can_merge, keys, more = 0 } = error.problem.current;
        // The condition is of the oldest place. Others may have been read since, or written here.
        const stale = keys.filter((key) => this.#isUnseen(address, key));
        if (keys.length === 0 && !can_merge) throw error;
        if (stale.length > 0) throw await this.#stale(which, version, stale);
        // What is left out may be of others.
        if (more > 0) throw new ToolError(`Nothing was written. Write at most ${keys.length} places at once.`);
        expected = version;
      }
    }
  }

  /**
   * The oldest version in which the worktree has seen the places of a write. If it has seen nothing of one of them, the
   * context is made, so that the write has a condition.
   * @throws ToolError if somebody has set such a place meanwhile, with all places of the write that others have changed
   */
  async #seenAt(address: string, changes: readonly Change[], which: Which): Promise<number> {
    const { contexts, seen } = this.#dependencies;
    const whole = changes.map(({ path }) => seen.at(address, path));
    if (whole.every((version) => version > 0)) return Math.min(...whole);
    const version = await this.#make(which);
    const now = shown(await contexts.get(address));
    const known = changes.map(({ path }) => seen.within(address, path, valueIn(now.data, pathOf(path))));
    const keys = changes.flatMap(({ path, yours }, index): (StaleKey & { isKnown: boolean })[] => {
      const current = valueIn(now.data, pathOf(path));
      if (current === undefined) return [];
      const value = yours === undefined ? {} : { yours: now.masked(yours, path) };
      return [{ ...wholeOf(now.data, { path, current, ...value }), isKnown: known[index]! > 0 }];
    });
    const unknown = keys.filter(({ isKnown }) => !isKnown);
    if (unknown.length === 0) return Math.min(version, ...known.filter((one) => one > 0));
    const changed = await this.#changedSince(
      address,
      keys.filter(({ isKnown }) => isKnown),
    );
    throw await this.#stale(which, now.version, [...unknown, ...changed]);
  }

  /** @returns the version of the context */
  async #make({ scope = 'session', name }: Which): Promise<number> {
    const { contexts, lease, agentId } = this.#dependencies;
    const owner = {
      session: { session_id: lease.session_id },
      agent: { agent_id: agentId },
      global: {},
    }[scope];
    try {
      return (await contexts.create({ scope, ...owner, ...(name && { name }) })).version;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'context_exists')) throw error;
      return (error.problem.current as { version: number }).version;
    }
  }

  /** Whether others have changed the place, or something in it, since the worktree has seen that. */
  #isUnseen(address: string, { changed }: StaleKey): boolean {
    return changed?.some(({ path, version }) => version > this.#dependencies.seen.at(address, path)) ?? true;
  }

  /** The places that have changed since the worktree has seen them. */
  async #changedSince(address: string, keys: readonly StaleKey[]): Promise<StaleKey[]> {
    const { contexts, seen } = this.#dependencies;
    const checked = await Promise.all(
      keys.map(async (key) => {
        const { changed } = await contexts.getKey(address, key.path);
        return changed.version <= seen.newestWithin(address, key.path) ? [] : [key];
      }),
    );
    return checked.flat();
  }

  /**
   * The refusal shows what is there now, so that the same call again is a decision. Until then, the refused values of the
   * session are kept.
   */
  async #stale(which: Which, version: number, keys: readonly StaleKey[]): Promise<ToolError> {
    const { seen, disputes } = this.#dependencies;
    const lost: string[] = [];
    for (const { path, current, yours } of isSessions(which) ? keys : []) {
      if (yours === undefined) continue;
      // Where it is merged later, the value would not be secret.
      const isSecret = hasMask(current) || hasMask(yours);
      if (isSecret || !(await disputes.keep(path, yours))) lost.push(path);
    }
    for (const { path } of keys) seen.note(this.#address(which), path, version);
    return new ToolError(staleText(version, keys, lost));
  }

  /** Counts a write that was answered, so that the same call again is a new one. */
  async #answered<T>(write: Promise<T>): Promise<T> {
    try {
      const answer = await write;
      this.#answers++;
      return answer;
    } catch (error) {
      if (error instanceof ApiError) this.#answers++;
      throw error;
    }
  }

  /** A repeat of a call whose answer was lost has no further effect. */
  #keyOf(tool: string, call: object): string {
    const { task_id, epoch } = this.#dependencies.lease;
    return createHash('sha256')
      .update(JSON.stringify([task_id, epoch, this.#answers, tool, call]))
      .digest('hex');
  }

  #address(which: Which): string {
    const { lease, agentId } = this.#dependencies;
    return addressOf(which, lease.session_id, agentId);
  }
}
