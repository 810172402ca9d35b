import type { Visible } from '../../protocol/context/visible.ts';
import { editsBetween, pathOf, valueAt } from './edits.ts';
import type { Json, JsonObject } from './json.ts';

/** How one value differs from another one, by place. Paths are JSON Pointers. An array is one value. */
export interface Difference<Value = Json> {
  added: { path: string; value: Value }[];
  changed: { path: string; old: Value; new: Value }[];
  removed: { path: string; value: Value }[];
}

/** What hides secrets. */
export interface Masks {
  mask(value: Json, path: string): Visible;
  /** A place as it is shown: one in a secret is that of the secret. */
  placeOf(path: string): string;
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

/** A difference as it is shown: what differs in a secret is a change of the secret, without a value. */
export function maskedDifference(
  { added, changed, removed }: Difference,
  { mask, placeOf }: Masks,
): Difference<Visible> {
  const entries = new Set([...added, ...changed, ...removed].map(({ path }) => path));
  const inSecrets = new Set([...entries].map((path) => placeOf(path)).filter((path) => !entries.has(path)));
  const isShown = ({ path }: { path: string }) => placeOf(path) === path;
  const one = ({ path, value }: { path: string; value: Json }) => ({ path, value: mask(value, path) });
  return {
    added: added.filter(isShown).map(one),
    changed: [
      ...changed
        .filter(isShown)
        .map(({ path, old, new: now }) => ({ path, old: mask(old, path), new: mask(now, path) })),
      ...[...inSecrets].map((path) => ({ path, old: mask(null, path), new: mask(null, path) })),
    ],
    removed: removed.filter(isShown).map(one),
  };
}
