import { diff3Merge } from 'node-diff3';
import { pointerOf } from './edits.ts';
import { keyOfItems } from './items.ts';
import { isObject, isSame, type Json, type JsonObject, memberOf } from './json.ts';

/** So many lines, and pairs of equal lines, are compared in a fraction of a second. */
const [MAX_COMPARED_LINES, MAX_EQUAL_PAIRS] = [10_000, 200_000];

/** A place that two contexts have changed in different ways. An absent value: there the place does not exist. */
export interface MergeConflict {
  /** JSON Pointer. */
  path: string;
  base?: Json;
  target?: Json;
  source?: Json;
}

/**
 * In place of a value of the ancestor that is no longer known. No context has such a value, because members have names.
 * What differs there is a conflict.
 */
export const UNKNOWN: JsonObject = { '': true };
const isUnknown = (value: Json | undefined) => memberOf(value, '') === true;

/** Decides a conflict: the value that the place gets, `undefined` to remove it, or null to leave it open. */
export type Decide = (conflict: MergeConflict) => { value: Json | undefined } | null;

/** How a merge goes on where both sides have changed a value. */
export interface Strategy {
  decide: Decide;
  /** Arrays whose items have no keys are decided as a whole, if both sides have changed a position in different ways. */
  wholeArrays?: boolean;
}

/** Leaves all conflicts open. */
const OPEN: Strategy = { decide: () => null };

export interface MergeResult {
  /** The merged value. Where a conflict is open, it has the target's. */
  value: JsonObject;
  /** The open conflicts, each once, in the order of the members. */
  conflicts: MergeConflict[];
}

interface Three {
  base: Json | undefined;
  target: Json | undefined;
  source: Json | undefined;
}

/**
 * Merges a source into a target, three-way from their common ancestor.
 *
 * - Objects are merged member by member.
 * - Items of arrays are matched by their `id`, `key` or `name`, if all items have one that is unique; else by position,
 *   if neither side has removed an item.
 * - Texts of several lines are merged line by line, unless too much of them has changed to compare them soon.
 * - Anything else that both have changed in different ways is a conflict.
 *
 * @param base the common ancestor; undefined if there is none: then members that only one side has are added, and all
 *   other differences are conflicts
 */
export function merge(
  base: JsonObject | undefined,
  target: JsonObject,
  source: JsonObject,
  strategy: Strategy = OPEN,
): MergeResult {
  const merging = new Merging(strategy);
  const value = merging.objects({ base, target, source }, []);
  return { value, conflicts: merging.conflicts };
}

class Merging {
  readonly conflicts: MergeConflict[] = [];
  readonly #strategy: Strategy;

  constructor(strategy: Strategy) {
    this.#strategy = strategy;
  }

  objects({ base, target, source }: Three, path: readonly string[]): JsonObject {
    const merged: JsonObject = {};
    const members = new Set([...Object.keys(target as JsonObject), ...Object.keys(source as JsonObject)]);
    for (const member of members) {
      const of = { base: memberOf(base, member), target: memberOf(target, member), source: memberOf(source, member) };
      const value = this.#values(of, [...path, member]);
      if (value !== undefined) merged[member] = value;
    }
    return merged;
  }

  #values(of: Three, path: readonly string[]): Json | undefined {
    const { base, target, source } = of;
    if (isSame(target, source) || isSame(base, source)) return target;
    if (isSame(base, target)) return source;
    if (isObject(target) && isObject(source)) return this.objects(of, path);
    if (Array.isArray(target) && Array.isArray(source) && !isUnknown(base)) {
      const items = this.#arrays(Array.isArray(base) ? base : [], target, source, path);
      if (items) return items;
    }
    if (typeof base === 'string' && typeof target === 'string' && typeof source === 'string') {
      const lines = mergedLines(base, target, source);
      if (lines !== null) return lines;
    }
    return this.#conflict(of, path);
  }

  /** @returns null if the items cannot be matched, or if the array is to be decided as a whole */
  #arrays(base: Json[], target: Json[], source: Json[], path: readonly string[]): Json[] | null {
    const key = keyOfItems([base, target, source]);
    if (key === undefined) {
      if (target.length < base.length || source.length < base.length) return null;
      const { length } = target.length > source.length ? target : source;
      const merging = this.#strategy.wholeArrays ? new Merging(OPEN) : this;
      const positions = [...Array(length).keys()];
      const items = merging.#items(positions, (index) => [base[index], target[index], source[index]], path);
      return merging === this || merging.conflicts.length === 0 ? items : null;
    }
    const [olds, ours, theirs] = [base, target, source].map((items) => byKey(key, items)) as [Keyed, Keyed, Keyed];
    const ids = [...new Set([...ours.keys(), ...theirs.keys()])];
    return this.#items(ids, (id) => [olds.get(id), ours.get(id), theirs.get(id)], path);
  }

  #items<Id extends string | number>(
    ids: readonly Id[],
    valuesOf: (id: Id) => [base: Json | undefined, target: Json | undefined, source: Json | undefined],
    path: readonly string[],
  ): Json[] {
    const items: Json[] = [];
    for (const id of ids) {
      const [base, target, source] = valuesOf(id);
      const value = this.#values({ base, target, source }, [...path, String(id)]);
      if (value !== undefined) items.push(value);
    }
    return items;
  }

  #conflict({ base, target, source }: Three, path: readonly string[]): Json | undefined {
    const conflict: MergeConflict = {
      path: pointerOf(path),
      ...(base !== undefined && !isUnknown(base) && { base }),
      ...(target !== undefined && { target }),
      ...(source !== undefined && { source }),
    };
    const decision = this.#strategy.decide(conflict);
    if (decision) return decision.value;
    this.conflicts.push(conflict);
    return target;
  }
}

type Keyed = Map<string | number, Json>;

function byKey(name: string, items: readonly Json[]): Keyed {
  return new Map(items.map((item) => [memberOf(item, name) as string | number, item]));
}

/** Merges texts line by line; null if both sides have changed the same lines, or if there is only one line, or too many. */
function mergedLines(base: string, target: string, source: string): string | null {
  const texts = [base, target, source].map((text) => text.split('\n'));
  if (texts[0]!.length < 2) return null;
  const first = texts[0]!;
  const shortest = Math.min(...texts.map(({ length }) => length));
  const isCommon = (at: number) => texts.every((lines) => lines.at(at) === first.at(at));
  let head = 0;
  while (head < shortest && isCommon(head)) head++;
  let tail = 0;
  while (tail < shortest - head && isCommon(-1 - tail)) tail++;
  const [old, ours, theirs] = texts.map((lines) => lines.slice(head, lines.length - tail)) as Lines3;
  if (takesTooLong([old, ours, theirs])) return null;
  const lines = first.slice(0, head);
  for (const { ok } of diff3Merge(ours, old, theirs)) {
    if (!ok) return null;
    lines.push(...ok);
  }
  return [...lines, ...first.slice(first.length - tail)].join('\n');
}

type Lines3 = [old: string[], ours: string[], theirs: string[]];

/** The comparison looks at each pair of equal lines, and its time grows with the cube of how often a line is there. */
function takesTooLong([old, ours, theirs]: Lines3): boolean {
  if (Math.max(old.length, ours.length, theirs.length) > MAX_COMPARED_LINES) return true;
  const counts = new Map<string, number>();
  for (const line of old) counts.set(line, (counts.get(line) ?? 0) + 1);
  const pairs = [...ours, ...theirs].reduce((sum, line) => sum + (counts.get(line) ?? 0), 0);
  return pairs > MAX_EQUAL_PAIRS;
}
