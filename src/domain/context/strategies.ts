import { type Path, pathOf } from './edits.ts';
import type { Json } from './json.ts';
import type { Decide } from './merge.ts';
import type { Stamp } from './stamps.ts';

export type MergeStrategy = 'last_write_wins' | 'deep_merge' | 'prefer_source' | 'prefer_target' | 'manual';

/**
 * How a strategy decides conflicts. What only one side has changed is never a conflict, whatever the strategy.
 *
 * - `last_write_wins`: the side that was changed last there, by the clock of its home and then by its version.
 * - `deep_merge`: arrays are joined, without what both have; of other values, the source's.
 * - `prefer_source`, `prefer_target`: that side.
 * - `manual`: nothing; each conflict stays open.
 *
 * @param last the newest stamp of a place, on each side
 */
export function decideBy(strategy: MergeStrategy, last: Record<'target' | 'source', (place: Path) => Stamp>): Decide {
  switch (strategy) {
    case 'manual':
      return () => null;
    case 'prefer_target':
      return ({ target }) => ({ value: target });
    case 'prefer_source':
      return ({ source }) => ({ value: source });
    case 'deep_merge':
      return ({ target, source }) => ({
        value: Array.isArray(target) && Array.isArray(source) ? joined(target, source) : source,
      });
    case 'last_write_wins':
      return ({ path, target, source }) => {
        const place = pathOf(path);
        const [theirs, ours] = [last.source(place), last.target(place)];
        return { value: isLater({ ...theirs, value: source }, { ...ours, value: target }) ? source : target };
      };
  }
}

/** An order of all writes, so that both directions of a merge come to the same value. */
function isLater(a: Stamp & { value: Json | undefined }, b: Stamp & { value: Json | undefined }): boolean {
  if (a.at !== b.at) return a.at > b.at;
  if (a.version !== b.version) return a.version > b.version;
  return (JSON.stringify(a.value) ?? '') > (JSON.stringify(b.value) ?? '');
}

function joined(target: readonly Json[], source: readonly Json[]): Json[] {
  const known = new Set(target.map((item) => JSON.stringify(item)));
  return [...target, ...source.filter((item) => !known.has(JSON.stringify(item)))];
}
