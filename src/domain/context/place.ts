import { applyEdits, type Edit, type Path, pathOf, pointerOf, valueAt } from './edits.ts';
import { indexOfItem } from './items.ts';
import { isObject, type Json, type JsonObject, memberOf } from './json.ts';
import { UNKNOWN } from './merge.ts';
import type { StampNode } from './stamps.ts';

/** The value at a place that a merge names: items of arrays by what matches them. Undefined if there is none. */
export function valueAtPlace(value: Json | undefined, path: Path): Json | undefined {
  let found = value;
  for (const token of path) {
    found = Array.isArray(found) ? found[indexOfItem(found, token)] : memberOf(found, token);
  }
  return found;
}

/** A value with another one at a place that a merge names; with none there if `put` is undefined. */
export function withValueAtPlace(value: JsonObject, path: Path, put: Json | undefined): JsonObject {
  if (put === undefined && valueAtPlace(value, path) === undefined) return value;
  return changed(value, path, put) as JsonObject;
}

function changed(value: Json | undefined, [token, ...rest]: Path, put: Json | undefined): Json {
  const below = rest.length === 0 ? () => put : (old: Json | undefined) => changed(old, rest, put);
  if (Array.isArray(value)) {
    const index = indexOfItem(value, token!);
    const item = below(value[index]);
    if (item === undefined) return value.filter((_, at) => at !== index);
    return value[index] === undefined ? [...value, item] : value.with(index, item);
  }
  const object = isObject(value) ? { ...value } : {};
  const member = below(memberOf(object, token!));
  if (member === undefined) delete object[token!];
  else object[token!] = member;
  return object;
}

/** The parts of a value at some places. @param pointers JSON Pointers; a place without a value is left out */
export function pick(value: JsonObject, pointers: readonly string[]): JsonObject {
  const edits = pointers.map((path) => ({ path, value: valueAt(value, pathOf(path)) }));
  return applyEdits(
    {},
    edits.filter((edit): edit is { path: string; value: Json } => edit.value !== undefined),
  );
}

/**
 * What is known of an older version of a value, when its changes are no longer kept: the places that nobody has changed
 * since. Of all others, nothing is known (`UNKNOWN`).
 */
export function unchangedSince(value: JsonObject, stamps: StampNode, version: number): JsonObject {
  if (stamps.stamp.version > version) return {};
  return applyEdits(value, placesAfter(stamps, version, []));
}

function placesAfter(node: StampNode, version: number, path: Path): Edit[] {
  return Object.entries(node.below ?? {}).flatMap(([member, child]) => {
    const place = [...path, member];
    if (child.stamp.version <= version) return placesAfter(child, version, place);
    const wasAbsent = child.before !== undefined && child.before.version <= version;
    return wasAbsent ? [{ path: pointerOf(place) }] : [{ path: pointerOf(place), value: UNKNOWN }];
  });
}
