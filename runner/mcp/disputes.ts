import { ApiError } from '../../src/client/errors.ts';
import type { RestClient } from '../../src/client/rest.ts';
import type { Json, JsonObject } from '../../src/domain/context/json.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import { taskContextName } from '../../src/protocol/context/address.ts';
import type { ContextConflict, MergeStrategy, ResolveConflictRequest } from '../../src/protocol/context/merge.ts';
import { ToolError } from './answers.ts';
import { differing, unlessAbsent, waiting } from './merged-places.ts';
import { leavesOf, outline } from './places.ts';
import { isConflict, type StaleKey } from './stale.ts';

/** How many open conflicts a model is shown at a time. */
const MAX_SHOWN = 20;
const MAX_VALUE_CHARS = 400;

interface Dependencies {
  contexts: RestClient['contexts'];
  lease: { session_id: string; task_id: string; epoch: number };
}

/**
 * The values of a task that were refused, because another task had set the same place, and that its model has not decided
 * about since. They are kept in a context of the task. When the task is done, that is merged into the context of the
 * session, which shows what is still in conflict.
 */
export class Disputes {
  readonly #dependencies: Dependencies;
  /** The address of the session's context, and that of the task's own. */
  readonly #session: string;
  readonly #own: string;
  /** The places that the model has not decided. */
  readonly #open = new Set<string>();
  /** What the control plane has not answered, by place: the value to keep, or undefined to remove it. Sent again later. */
  readonly #unsent = new Map<string, Json | undefined>();
  /** By conflict, the version in which the model has seen what its place has, after an answer that was refused. */
  readonly #seen = new Map<number, number>();
  /** Whether the task may have a context of its own. An earlier lease may have made it. */
  #mayExist: boolean;
  /** Whether it may have been merged: the answer of a merge may be lost. */
  #hasMerged: boolean;
  /** Whether `#open` has what earlier leases of the task have kept. */
  #isLoaded: boolean;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    const { session_id, task_id, epoch } = dependencies.lease;
    this.#session = `session.${session_id}`;
    this.#own = `${this.#session}.${taskContextName(taskNumber(task_id))}`;
    this.#mayExist = epoch > 1;
    this.#hasMerged = epoch > 1;
    this.#isLoaded = epoch === 1;
  }

  /**
   * Keeps a refused value until the merge. If the control plane does not answer, it is sent again then.
   * @param place not in an array, which is one value
   * @returns false if it cannot be kept, such as a value that is too long
   */
  async keep(place: string, value: Json): Promise<boolean> {
    this.#open.add(place);
    this.#mayExist = true;
    return this.#send(place, value);
  }

  /**
   * The model has set or removed the place, and knew what others had set. What was kept of it, or of what is in it, no
   * longer counts.
   * @param value undefined if it was removed
   */
  async decided(place: string, value: Json | undefined): Promise<void> {
    await this.#load();
    const about = [...this.#open].filter((open) => open === place || open.startsWith(`${place}/`));
    for (const open of about) {
      this.#open.delete(open);
      if (!this.#hasMerged || value === undefined) await this.#send(open, undefined);
    }
    // A merge has taken it already, so that its absence would be a change of its own.
    if (about.length > 0 && this.#hasMerged && value !== undefined) await this.#send(place, value);
  }

  /** Reads once what an earlier lease of the task has kept. */
  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    const kept = await this.#dependencies.contexts.get(this.#own).catch(unlessAbsent);
    for (const place of kept ? leavesOf(kept.data as JsonObject) : []) this.#open.add(place);
    this.#isLoaded = true;
  }

  /**
   * Merges what is kept into the context of the session.
   * @returns a text for the session's log; null if nothing was kept
   */
  async merge(strategy: MergeStrategy): Promise<string | null> {
    if (!this.#mayExist) return null;
    for (const [place, value] of [...this.#unsent]) await this.#send(place, value);
    if (this.#unsent.size > 0) throw new Error(`the values of ${[...this.#unsent.keys()].join(', ')} cannot be stored`);
    this.#hasMerged = true;
    const { contexts } = this.#dependencies;
    const merging = { contexts, own: this.#own, target: this.#session };
    const own = await contexts.get(this.#own).catch(unlessAbsent);
    const decided = own === null || strategy === 'manual' ? [] : await differing(merging, own);
    const request = { context_ids: [this.#own], target_id: this.#session, strategy };
    const merged = own && (await contexts.merge(request).catch(unlessAbsent));
    const places = merged && strategy === 'manual' ? await waiting(merging, own) : decided;
    this.#open.clear();
    this.#mayExist = false;
    if (merged === null || places.length === 0) return null;
    const how = strategy === 'manual' ? 'It waits for an answer.' : `It was decided by ${strategy}.`;
    return `What this task and another one have set in the shared context differs: ${places.join(', ')}. ${how}`;
  }

  /** What is kept and not merged, as a text for the log of a session whose task was not done; null if there is nothing. */
  unmerged(): string | null {
    if (this.#open.size === 0) return null;
    return `What this task and another one have set in the shared context differs: ${this.#places}. The task was not done, so that its values are not merged. They are in the context ${this.#own}, and an attempt of the task that is done merges them.`;
  }

  /** The open conflicts of the session's context, as a text; null if there is none. */
  async shown(): Promise<string | null> {
    const { contexts } = this.#dependencies;
    const page = await contexts.listConflicts(this.#session, { page_size: MAX_SHOWN }).catch(unlessAbsent);
    if (page === null || page.items.length === 0) return null;
    const more = page.next_cursor === null ? [] : ['… and more.'];
    return [...page.items.map(conflictText), ...more].join('\n');
  }

  async resolve(n: number, answer: ResolveConflictRequest): Promise<string> {
    const { contexts } = this.#dependencies;
    if ((answer.choose === undefined) === (answer.value === undefined)) {
      throw new ToolError('Give either choose or value.');
    }
    const seen = this.#seen.get(n);
    const call = seen === undefined || answer.choose === 'current' ? {} : { ifMatch: seen };
    try {
      const { version } = await contexts.resolve(this.#session, n, answer, call);
      return `Conflict ${n} is decided. The session’s context has version ${version} now.`;
    } catch (error) {
      if (!isConflict(error)) throw error;
      const { version, keys } = error.problem.current;
      this.#seen.set(n, version);
      throw new ToolError(movedText(keys));
    }
  }

  get #places(): string {
    return [...this.#open].join(', ');
  }

  /** Changes what is kept, at the latest before the merge. @returns false if the value cannot be kept */
  async #send(place: string, value: Json | undefined): Promise<boolean> {
    this.#unsent.delete(place);
    try {
      await this.#change(place, value);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'stale_lease') throw error;
      const isInvalid = error instanceof ApiError && error.code === 'validation_failed';
      if (isInvalid) this.#open.delete(place);
      else this.#unsent.set(place, value);
      return !isInvalid;
    }
  }

  async #change(place: string, value: Json | undefined): Promise<void> {
    const { contexts } = this.#dependencies;
    if (value === undefined) await contexts.removeKey(this.#own, place).catch(unlessAbsent);
    else await contexts.putKey(this.#own, place, { value });
  }
}

function conflictText({ n, path, current, source }: ContextConflict): string {
  const [now, other] = [current, source].map((value) => outline(value as Json | undefined, MAX_VALUE_CHARS));
  return `conflict ${n} at ${path}: current is ${now}, source is ${other}`;
}

function movedText(keys: readonly StaleKey[]): string {
  const now = keys.map(({ path, current }) => `${path} is ${outline(current, MAX_VALUE_CHARS)}`).join(', ');
  return `Nothing was decided: somebody else has changed this since the merge. Now ${now}. To keep that, choose current. The same call again replaces it.`;
}
