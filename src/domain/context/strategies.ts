import { type Path, pathOf } from './edits.ts';
import type { Json } from './json.ts';
import type { MergeConflict, Strategy } from './merge.ts';
import type { Stamp } from './stamps.ts';

export type MergeStrategy = 'last_write_wins' | 'deep_merge' | 'prefer_source' | 'prefer_target' | 'manual';

/**
 * How a strategy decides conflicts. What only one side has changed is never a conflict, whatever the strategy.
 *
 * - `last_write_wins`: the side that was changed last there, by the clock of its home and then by its version.
 * - `deep_merge`: both. Of arrays whose items have no keys, the items that either side has added, without those that one
 *   has removed; of a value that one side has removed, the other one; of other values, the source's.
 * - `prefer_source`, `prefer_target`: that side.
 * - `manual`: nothing; each conflict stays open.
 *
 * @param last the newest stamp of a place, on each side
 */
export function strategyOf(name: MergeStrategy, last: Record<'target' | 'source', (place: Path) => Stamp>): Strategy {
  switch (name) {
    case 'manual':
      return { decide: () => null };
    case 'prefer_target':
      return { decide: ({ target }) => ({ value: target }) };
    case 'prefer_source':
      return { decide: ({ source }) => ({ value: source }) };
    case 'deep_merge':
      return { decide: (conflict) => ({ value: both(conflict) }), wholeArrays: true };
    case 'last_write_wins':
      return {
        decide: ({ path, target, source }) => {
          const place = pathOf(path);
          const [theirs, ours] = [last.source(place), last.target(place)];
          return { value: isLater({ ...theirs, value: source }, { ...ours, value: target }) ? source : target };
        },
      };
  }
}

/** An order of all writes, so that both directions of a merge come to the same value. */
function isLater(a: Stamp & { value: Json | undefined }, b: Stamp & { value: Json | undefined }): boolean {
  if (a.at !== b.at) return a.at > b.at;
  if (a.version !== b.version) return a.version > b.version;
  return (JSON.stringify(a.value) ?? '') > (JSON.stringify(b.value) ?? '');
}

function both({ base, target, source }: MergeConflict): Json | undefined {
  if (!Array.isArray(target) || !Array.isArray(source)) return source ?? target;
  return joined(Array.isArray(base) ? base : [], target, source);
}

/**
 * The target's items without those that the source has removed, then those that the source has added. An item that both
 * have added is there once. If one side has an item more often than the base and the other one less often, none is removed.
 */
function joined(base: readonly Json[], target: readonly Json[], source: readonly Json[]): Json[] {
  const [before, ours, theirs] = [base, target, source].map(countsOf) as [Counts, Counts, Counts];
  const left = new Map<string, number>();
  for (const item of new Set([...ours.keys(), ...theirs.keys()])) {
    const was = before.get(item) ?? 0;
    const [fewer, more] = [ours.get(item) ?? 0, theirs.get(item) ?? 0].sort((a, b) => a - b) as [number, number];
    left.set(item, more > was ? more : fewer);
  }
  return [...target, ...source].filter((item) => {
    const text = JSON.stringify(item);
    const count = left.get(text)!;
    left.set(text, count - 1);
    return count > 0;
  });
}

type Counts = Map<string, number>;

/** How often each item is there, by its JSON. */
function countsOf(items: readonly Json[]): Counts {
  const counts: Counts = new Map();
  for (const item of items) counts.set(JSON.stringify(item), (counts.get(JSON.stringify(item)) ?? 0) + 1);
  return counts;
}
