import { pathOf, pointerOf } from '../../src/domain/context/edits.ts';
import { excerptOf } from '../../src/domain/context/excerpt.ts';
import { isObject, type Json, type JsonObject } from '../../src/domain/context/json.ts';
import { valueIn } from '../../src/domain/context/json-patch.ts';
import { MAIN } from '../../src/protocol/context/address.ts';
import type { ContextChange } from '../../src/protocol/context/context.ts';
import type { EffectiveContext } from '../../src/protocol/context/merge.ts';
import type { TaskContext } from '../../src/protocol/run/task-context.ts';
import { addressOf, nameOf, TOOL_SCOPES, type ToolScope, type Which } from './addresses.ts';
import { bounded, ToolError } from './answers.ts';
import { ContextWrites, type ContextWritesDependencies } from './context-writes.ts';
import { outline, overlap, pointer } from './places.ts';
import { shown } from './shown.ts';

const MAX_MEMBERS = 200;
const MAX_CHANGES = 50;
const MAX_VALUE_BYTES = 12_288;

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
  readonly #dependencies: ContextWritesDependencies;
  readonly #writes: ContextWrites;

  constructor(dependencies: ContextWritesDependencies) {
    this.#dependencies = dependencies;
    this.#writes = new ContextWrites(dependencies);
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
    const written = await this.#writes.put(place, value, which);
    return `Set ${written.path} in ${nameOf(which)}, which has version ${written.version} now.`;
  }

  async patch(updates: JsonObject, which: Which): Promise<string> {
    const { places, version } = await this.#writes.patch(updates, which);
    return `Changed ${places.join(', ')} in ${nameOf(which)}, which has version ${version} now.`;
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
