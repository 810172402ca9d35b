import { createHash } from 'node:crypto';
import { ApiError } from '../../src/client/errors.ts';
import type { RestClient } from '../../src/client/rest.ts';
import { pathOf, pointerOf } from '../../src/domain/context/edits.ts';
import { excerptOf } from '../../src/domain/context/excerpt.ts';
import { isObject, type Json, type JsonObject } from '../../src/domain/context/json.ts';
import { valueIn } from '../../src/domain/context/json-patch.ts';
import type { SessionId, TaskId } from '../../src/protocol/common/ids.ts';
import { MAIN } from '../../src/protocol/context/address.ts';
import type { ContextChange } from '../../src/protocol/context/context.ts';
import type { EffectiveContext } from '../../src/protocol/context/merge.ts';
import type { TaskContext } from '../../src/protocol/run/task-context.ts';
import { addressOf, isSessions, nameOf, TOOL_SCOPES, type ToolScope, type Which } from './addresses.ts';
import { bounded, ToolError } from './answers.ts';
import type { Disputes } from './disputes.ts';
import { outline, overlap, placesOf, pointer, wholeOf } from './places.ts';
import type { SeenVersions } from './seen-versions.ts';
import { hasMask, shown } from './shown.ts';
import { isConflict, type StaleKey, staleText } from './stale.ts';

export interface ContextToolsDependencies {
  contexts: RestClient['contexts'];
  lease: { session_id: SessionId; task_id: TaskId; epoch: number };
  agentId: string;
  seen: SeenVersions;
  disputes: Disputes;
}

const MAX_ATTEMPTS = 5;
const MAX_MEMBERS = 200;
const MAX_CHANGES = 50;
const MAX_VALUE_BYTES = 12_288;

/** A place that a write changes; without a value, it is removed. */
interface Change {
  path: string;
  yours: Json | undefined;
}

interface Reading {
  /** Undefined if there is none. */
  value: Json | undefined;
  /** Whence it is. */
  from: string;
  /** The model gets to see the value of this place. */
  saw: (path: string) => void;
}

/** The tools by which a model reads and writes contexts under its lease. Each call resolves with a text for the model. */
export class ContextTools {
  readonly #dependencies: ContextToolsDependencies;
  /** How many writes were answered. */
  #writes = 0;

  constructor(dependencies: ContextToolsDependencies) {
    this.#dependencies = dependencies;
  }

  async get(path: string, which: Which): Promise<string> {
    const place = pointer(path);
    const { value, from, saw } = await this.#read(place, which);
    if (value === undefined)
      throw new ToolError(`There is no value at ${place || 'the root'}${from}. Use context_list.`);
    const text = JSON.stringify(value, null, 1);
    const shown = bounded(text, MAX_VALUE_BYTES, '\n… The rest is left out. Get a place further down.');
    if (shown === text) saw(place);
    return `${place || 'All keys'}${from}:\n${shown}`;
  }

  async list(path: string, which: Which): Promise<string> {
    const place = pointer(path);
    const { value, from, saw } = await this.#read(place, which);
    if (value === undefined) return `There is nothing at ${place || 'the root'}${from}.`;
    if (!isObject(value)) return `${place}${from} is ${outline(value)}.`;
    const members = Object.entries(value);
    const lines = members.slice(0, MAX_MEMBERS).map(([name, member]) => {
      const at = pointerOf([...pathOf(place), name]);
      const text = outline(member);
      // An outline shows too little of a value to replace it.
      if (text === JSON.stringify(member)) saw(at);
      return `${at}: ${text}`;
    });
    const rest = members.length - lines.length;
    return [`${place || 'All keys'}${from}:`, ...lines, ...(rest > 0 ? [`… and ${rest} more.`] : [])].join('\n');
  }

  async set(path: string, value: Json, which: Which): Promise<string> {
    const place = pointer(path);
    if (place === '') throw new ToolError('The path is empty. Name the key to set, or use context_patch for several.');
    const { contexts, seen } = this.#dependencies;
    const address = this.#address(which);
    const expected_version = await this.#seenAt(address, [{ path: place, yours: value }], which);
    const idempotencyKey = this.#keyOf('set', { address, place, value, expected_version });
    try {
      const written = await this.#answered(
        contexts.putKey(address, place, { value, expected_version }, { idempotencyKey }),
      );
      seen.note(address, place, written.version);
      if (isSessions(which)) await this.#dependencies.disputes.decided(place, value);
      return `Set ${written.path} in ${nameOf(which)}, which has version ${written.version} now.`;
    } catch (error) {
      if (!isConflict(error)) throw error;
      const { version, keys } = error.problem.current;
      throw await this.#stale(which, version, keys.length > 0 ? keys : [{ path: place, yours: value }]);
    }
  }

  async patch(updates: JsonObject, which: Which): Promise<string> {
    const { contexts, seen, disputes } = this.#dependencies;
    const address = this.#address(which);
    const places = placesOf(updates);
    if (places.length === 0) throw new ToolError('The patch changes nothing. Name the members to set in `updates`.');
    // A merge patch removes by `null`.
    const changes = places.map((path) => ({ path, yours: valueIn(updates, pathOf(path)) ?? undefined }));
    let expected_version = await this.#seenAt(address, changes, which);
    for (let attempt = 1; ; attempt++) {
      const idempotencyKey = this.#keyOf('patch', { address, updates, expected_version });
      try {
        const { version } = await this.#answered(
          contexts.update(address, { updates, expected_version }, { idempotencyKey }),
        );
        for (const { path, yours } of changes) {
          seen.note(address, path, version);
          if (isSessions(which)) await disputes.decided(path, yours);
        }
        return `Changed ${places.join(', ')} in ${nameOf(which)}, which has version ${version} now.`;
      } catch (error) {
        if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error;
        const { version, keys } = error.problem.current;
        // The condition is of the oldest place, and others may have been read since.
        const stale = await this.#unseen(address, keys);
        if (stale.length > 0) throw await this.#stale(which, version, stale);
        expected_version = version;
      }
    }
  }

  async history(path: string, limit: number, which: Which): Promise<string> {
    const { contexts } = this.#dependencies;
    const place = pointer(path);
    const page = await contexts.history(this.#address(which), { page_size: 100 });
    const about = page.items.flatMap(({ edits, ...change }) => {
      const here = edits.filter((edit) => place === '' || overlap(edit.path, place));
      return here.length === 0 ? [] : [{ ...change, edits: here }];
    });
    if (about.length === 0) return `The last ${page.items.length} changes of ${nameOf(which)} have none at ${place}.`;
    return about
      .slice(0, Math.min(limit, MAX_CHANGES))
      .map((change) => this.#changeText(change))
      .join('\n');
  }

  /** What a prompt tells of the contexts that the lease may see. It counts as seen. */
  async excerpt(): Promise<TaskContext> {
    const { contexts, lease, agentId, seen } = this.#dependencies;
    const excerpt = excerptOf(await contexts.effective({ session_id: lease.session_id, agent_id: agentId }));
    const isWhole = excerpt.left_out.length + excerpt.more === 0;
    const nearest = TOOL_SCOPES.find((scope) => mainLayer(excerpt.layers, scope) === 0);
    // Nothing hides a part of the nearest context.
    if (isWhole && nearest) seen.begin(this.#address({ scope: nearest }), excerpt.layers[0]!.version);
    for (const { path, layer } of excerpt.values) this.#saw(excerpt.layers, path, layer);
    return excerpt;
  }

  async #read(place: string, which: Which): Promise<Reading> {
    if (which.scope === undefined && which.name === undefined) return this.#effective(place);
    const { contexts, seen } = this.#dependencies;
    const address = this.#address(which);
    const { version, data } = shown(await contexts.get(address));
    return {
      value: valueIn(data, pathOf(place)),
      from: ` in ${nameOf(which)}, version ${version}`,
      saw: (path) => seen.note(address, path, version),
    };
  }

  async #effective(place: string): Promise<Reading> {
    const { contexts, lease, agentId } = this.#dependencies;
    const { data, layers, origins } = await contexts.effective({ session_id: lease.session_id, agent_id: agentId });
    const ids = new Set(origins.filter(({ path }) => overlap(path, place)).map(({ context_id }) => context_id));
    const sources = layers
      .filter(({ context_id }) => ids.has(context_id))
      .map(({ scope, name, version }) => `${nameOf({ scope: scope as ToolScope, name })}, version ${version}`);
    return {
      value: valueIn(data as JsonObject, pathOf(place)),
      from: sources.length === 0 ? '' : ` (from ${sources.join('; ')})`,
      saw: (path) => {
        const shown = origins.filter((origin) => overlap(origin.path, path)).map(({ context_id }) => context_id);
        const nearest = layers.findIndex(({ context_id }) => shown.includes(context_id));
        this.#saw(layers, path, nearest === -1 ? layers.length : nearest);
      },
    };
  }

  /**
   * A place was seen with the value that the layer at this position has. Nearer layers have none there. What farther ones
   * have is hidden, and so was not seen.
   */
  #saw(layers: EffectiveContext['layers'], path: string, position: number): void {
    for (const scope of TOOL_SCOPES) {
      const at = mainLayer(layers, scope);
      if (at !== -1 && at <= position) {
        this.#dependencies.seen.note(this.#address({ scope }), path, layers[at]!.version);
      }
    }
  }

  /**
   * The oldest version in which the worktree has seen the places of a write. If it has seen nothing of one of them, the
   * context is made, so that the write has a condition.
   * @throws ToolError if somebody has set such a place meanwhile, with all places of the write that others have changed
   */
  async #seenAt(address: string, changes: readonly Change[], which: Which): Promise<number> {
    const known = changes.map(({ path }) => this.#dependencies.seen.at(address, path));
    if (known.every((version) => version > 0)) return Math.min(...known);
    const version = await this.#make(which);
    const now = shown(await this.#dependencies.contexts.get(address));
    const keys = changes.flatMap(({ path, yours }, index): (StaleKey & { isKnown: boolean })[] => {
      const current = valueIn(now.data, pathOf(path));
      if (current === undefined) return [];
      const value = yours === undefined ? {} : { yours: now.masked(yours, path) };
      return [{ ...wholeOf(now.data, { path, current, ...value }), isKnown: known[index]! > 0 }];
    });
    const unknown = keys.filter(({ isKnown }) => !isKnown);
    if (unknown.length === 0) return Math.min(version, ...known.filter((one) => one > 0));
    const changed = await this.#unseen(
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

  /** The version of the last change at a place; null if there is no value. */
  async #changedAt(address: string, place: string): Promise<number | null> {
    try {
      return (await this.#dependencies.contexts.getKey(address, place)).changed.version;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'not_found') return null;
      throw error;
    }
  }

  /** The places in conflict that somebody has changed since this worktree has seen them. */
  async #unseen(address: string, keys: readonly StaleKey[]): Promise<StaleKey[]> {
    const checked = await Promise.all(
      keys.map(async (key) => {
        const changed = await this.#changedAt(address, key.path);
        const isKnown = changed !== null && changed <= this.#dependencies.seen.at(address, key.path);
        return isKnown ? [] : [key];
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
      this.#writes++;
      return answer;
    } catch (error) {
      if (error instanceof ApiError) this.#writes++;
      throw error;
    }
  }

  /** A repeat of a call whose answer was lost has no further effect. */
  #keyOf(tool: string, call: object): string {
    const { task_id, epoch } = this.#dependencies.lease;
    return createHash('sha256')
      .update(JSON.stringify([task_id, epoch, this.#writes, tool, call]))
      .digest('hex');
  }

  #address(which: Which): string {
    const { lease, agentId } = this.#dependencies;
    return addressOf(which, lease.session_id, agentId);
  }

  #changeText({ version, at, by, edits }: Pick<ContextChange, 'version' | 'at' | 'by' | 'edits'>): string {
    const isMine = by.task_id === this.#dependencies.lease.task_id;
    const who = isMine
      ? 'this task'
      : by.task_id
        ? `task ${by.task_id}`
        : by.agent_id
          ? `agent ${by.agent_id}`
          : 'a person or program';
    const what = edits.map(({ path, value }) => `${path} = ${outline(value as Json | undefined)}`).join(', ');
    return `version ${version}, ${at}, by ${who}: ${what}`;
  }
}

/** The position of the scope’s own context among the layers, the nearest first; -1 without one. */
function mainLayer(layers: EffectiveContext['layers'], scope: ToolScope): number {
  return layers.findIndex((layer) => layer.scope === scope && layer.name === MAIN);
}
