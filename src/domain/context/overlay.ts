import { pointerOf } from './edits.ts';
import { isObject, type Json, type JsonObject, memberOf } from './json.ts';

/** A place of an overlay, whose value, with all that is in it, comes from one layer. */
export interface Origin {
  /** JSON Pointer. */
  path: string;
  /** The number of the layer. */
  layer: number;
}

/**
 * Lays values over each other: of each member, the first one counts. Objects are laid over each other member by member;
 * an array is one value.
 *
 * @param layers the nearest first
 * @returns the value, and where each of its places comes from, in as few places as possible
 */
export function overlay(layers: readonly JsonObject[]): { value: JsonObject; origins: Origin[] } {
  const origins: Origin[] = [];
  const value = lay(
    layers.map((layer, number) => ({ number, value: layer })),
    [],
    origins,
  );
  return { value, origins };
}

interface Layer<T = JsonObject> {
  number: number;
  value: T;
}

function lay(layers: readonly Layer[], path: readonly string[], origins: Origin[]): JsonObject {
  const result: JsonObject = {};
  for (const member of new Set(layers.flatMap(({ value }) => Object.keys(value)))) {
    const place = [...path, member];
    const having = layers.flatMap(({ number, value }): Layer<Json>[] => {
      const found = memberOf(value, member);
      return found === undefined ? [] : [{ number, value: found }];
    });
    // An object is laid over the objects behind it, up to the first value that is none.
    const end = having.findIndex(({ value }) => !isObject(value));
    const objects = (end < 0 ? having : having.slice(0, end)) as Layer[];
    const nearest = having[0]!;
    if (objects.length > 1) result[member] = lay(objects, place, origins);
    else {
      result[member] = nearest.value;
      origins.push({ path: pointerOf(place), layer: nearest.number });
    }
  }
  return result;
}
