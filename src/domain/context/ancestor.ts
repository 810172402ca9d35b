/** What a context was made of, or has merged: it has everything of the other one up to a version. */
export interface Parent {
  id: string;
  version: number;
  /** The context's own version that has it. */
  own_version: number;
  /** JSON Pointers, if only these places were taken. */
  keys: string[] | null;
}

/** Where the newest common ancestor of two contexts is: a version of one of them, or of a third one. */
export type Ancestor = { of: 'source' | 'target'; version: number } | { of: 'other'; id: string; version: number };

interface Lineage {
  id: string;
  parents: readonly Parent[];
}

/**
 * The newest version that both contexts have; null if they have none.
 *
 * @param keys the places of the source that are merged; null for all
 */
export function ancestorOf(target: Lineage, source: Lineage, keys: readonly string[] | null): Ancestor | null {
  const taken = takenFrom(target.parents, source.id, keys);
  const given = source.parents.find(({ id, keys: some }) => id === target.id && some === null);
  // The source may have merged the target before the target has taken the source, or after.
  if (given && !(taken && given.own_version <= taken.version)) return { of: 'target', version: given.version };
  if (taken) return { of: 'source', version: taken.version };
  for (const { id, version, keys: some } of target.parents) {
    const shared = source.parents.find((parent) => parent.id === id && parent.keys === null);
    if (shared && some === null) return { of: 'other', id, version: Math.min(version, shared.version) };
  }
  return null;
}

/** What a context has of another one: the same places, or all. */
export function takenFrom(parents: readonly Parent[], id: string, keys: readonly string[] | null): Parent | undefined {
  const wanted = JSON.stringify(keys);
  const fits = parents.filter((one) => one.id === id && (one.keys === null || JSON.stringify(one.keys) === wanted));
  return fits.sort((a, b) => b.version - a.version)[0];
}
