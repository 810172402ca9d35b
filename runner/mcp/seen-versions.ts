import { BoundedMap } from '../../src/domain/bounded-map.ts';

/** The places that are remembered of one context. A place that is forgotten counts as it was at the beginning. */
const MAX_PLACES = 500;

/** What one worktree has read of a context. */
interface SeenContext {
  /** The version of which everything was known at the beginning: what is not in it was absent. */
  from: number;
  /** By JSON Pointer, the version in which the place was read, with all that is in it. */
  places: BoundedMap<string, number>;
}

/**
 * The version of each place in which a worktree has last seen it. A write says so, and is refused if somebody has
 * changed the place since.
 */
export class SeenVersions {
  /** By address. */
  readonly #contexts = new Map<string, SeenContext>();

  /** The whole context was seen in this version. 0: it did not exist. */
  begin(address: string, version: number): void {
    this.#contexts.set(address, { from: version, places: new BoundedMap(MAX_PLACES) });
  }

  /** A place was seen, or written, in this version. */
  note(address: string, path: string, version: number): void {
    if (!this.#contexts.has(address)) this.begin(address, 0);
    const { places } = this.#contexts.get(address)!;
    places.set(path, Math.max(version, places.get(path) ?? 0));
  }

  /** The newest version in which the place was seen, alone or as a part of another; 0 if it never was. */
  at(address: string, path: string): number {
    const context = this.#contexts.get(address);
    if (context === undefined) return 0;
    const above = prefixesOf(path).map((place) => context.places.get(place) ?? 0);
    return Math.max(context.from, ...above);
  }
}

/** `/a/b` → `''`, `/a`, `/a/b` */
function prefixesOf(path: string): string[] {
  const segments = path.split('/');
  return segments.map((_, index) => segments.slice(0, index + 1).join('/'));
}
