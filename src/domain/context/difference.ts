import { editsBetween, pathOf, valueAt } from './edits.ts';
import type { Json, JsonObject } from './json.ts';

/** How one value differs from another one, by place. Paths are JSON Pointers. An array is one value. */
export interface Difference {
  added: { path: string; value: Json }[];
  changed: { path: string; old: Json; new: Json }[];
  removed: { path: string; value: Json }[];
}

/** The difference from `before` to `after`. */
export function differenceOf(before: JsonObject, after: JsonObject): Difference {
  const difference: Difference = { added: [], changed: [], removed: [] };
  for (const { path, value } of editsBetween(before, after)) {
    const old = valueAt(before, pathOf(path));
    if (value === undefined) difference.removed.push({ path, value: old! });
    else if (old === undefined) difference.added.push({ path, value });
    else difference.changed.push({ path, old, new: value });
  }
  return difference;
}
