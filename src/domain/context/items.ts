import { type Json, memberOf } from './json.ts';

/** The members by which the items of an array are matched, the first one that fits. */
const KEYS = ['id', 'key', 'name'] as const;

/** The member by which the items of some arrays can be matched; undefined if there is none. */
export function keyOfItems(arrays: readonly (readonly Json[])[]): string | undefined {
  return KEYS.find((name) => arrays.every((items) => isKeyedBy(name, items)));
}

/** The index of an item, which a merge names by its key, or by its position in an array without keys; -1 if none. */
export function indexOfItem(items: readonly Json[], token: string): number {
  const key = items.length === 0 ? undefined : keyOfItems([items]);
  if (key !== undefined) return items.findIndex((item) => String(memberOf(item, key)) === token);
  return /^\d{1,9}$/.test(token) ? Number(token) : -1;
}

function isKeyedBy(name: string, items: readonly Json[]): boolean {
  const keys = new Set(items.map((item) => memberOf(item, name)));
  return keys.size === items.length && [...keys].every((key) => typeof key === 'string' || typeof key === 'number');
}
