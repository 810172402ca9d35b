import { pathOf, pointerOf } from '../../src/domain/context/edits.ts';
import { isObject, type Json, type JsonObject } from '../../src/domain/context/json.ts';
import { applyJsonPatch, operationsToPut, valueIn } from '../../src/domain/context/json-patch.ts';
import type { StaleKey } from './stale.ts';

/** The JSON Pointer of a path that a model may write without its first slash. The whole context is `''`. */
export function pointer(path: string): string {
  return path === '' || path.startsWith('/') ? path : `/${path}`;
}

/** The places that a merge patch sets or removes. */
export function placesOf(patch: JsonObject, path: readonly string[] = []): string[] {
  return Object.entries(patch).flatMap(([member, value]) => {
    const place = [...path, member];
    const isWithin = isObject(value) && Object.keys(value).length > 0;
    return isWithin ? placesOf(value, place) : [pointerOf(place)];
  });
}

/** Whether one place is the other, or contains it. */
export function overlap(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

/** What a value is, in a few words: `"green"`, `an object with 3 members`. */
export function outline(value: Json | undefined, maxChars = 120): string {
  if (value === undefined) return 'removed';
  const text = JSON.stringify(value);
  if (text.length <= maxChars) return text;
  if (isObject(value)) return `an object with ${Object.keys(value).length} members, ${text.length} characters`;
  if (Array.isArray(value)) return `an array with ${value.length} items, ${text.length} characters`;
  return `a text of ${text.length} characters`;
}

/** A change of a place in an array as one of the whole array, as which contexts have it. Others stay as they are. */
export function wholeOf(data: JsonObject, key: StaleKey): StaleKey {
  const path = pathOf(key.path);
  const length = path.findIndex((_, index) => Array.isArray(valueIn(data, path.slice(0, index))));
  if (length < 0 || key.yours === undefined) return key;
  const array = path.slice(0, length);
  const put = applyJsonPatch(data, operationsToPut(data, path, key.yours));
  const [current, yours] = [data, 'value' in put ? put.value : data].map((of) => valueIn(of, array)!) as [Json, Json];
  return { path: pointerOf(array), current, yours };
}

/** The places in an object whose values are no objects with members. */
export function leavesOf(data: JsonObject, at: readonly string[] = []): string[] {
  return Object.entries(data).flatMap(([name, value]) => {
    const path = [...at, name];
    return isObject(value) && Object.keys(value).length > 0 ? leavesOf(value, path) : [pointerOf(path)];
  });
}
