/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [member: string]: Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether two values are equal. The order of members does not count. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const members = Object.keys(a);
  return (
    members.length === Object.keys(b).length && members.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
  );
}

/** The number of values in an object, at any depth. An array, and an object without members, is one value. */
export function countValues(value: JsonObject): number {
  return Object.values(value).reduce<number>(
    (sum, member) => sum + (isObject(member) && Object.keys(member).length > 0 ? countValues(member) : 1),
    0,
  );
}

/** The value of a member that an object itself has; undefined if it has none. */
export function memberOf(value: Json | undefined, member: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, member) ? value[member] : undefined;
}
