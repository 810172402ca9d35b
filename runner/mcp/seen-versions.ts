import { BoundedMap } from '../../src/domain/bounded-map.ts';
import { isObject, type Json } from '../../src/domain/context/json.ts';
import { leavesOf } from './places.ts';

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

  /**
   * The oldest version in which a value was seen, as a whole or in all of its parts; 0 if a part never was.
   * @param value what is at the place now
   */
  within(address: string, path: string, value: Json | undefined): number {
    const whole = this.at(address, path);
    if (whole > 0 || !isObject(value) || Object.keys(value).length === 0) return whole;
    return Math.min(...leavesOf(value).map((leaf) => this.at(address, `${path}${leaf}`)));
  }

  /** The newest version in which the place was seen, or anything in it; 0 if nothing was. */
  newestWithin(address: string, path: string): number {
    const places = [...(this.#contexts.get(address)?.places.entries() ?? [])];
    const below = places.filter(([place]) => place.startsWith(`${path}/`)).map(([, version]) => version);
    return Math.max(this.at(address, path), ...below);
  }
}

/** `/a/b` → `''`, `/a`, `/a/b` */
function prefixesOf(path: string): string[] {
  const segments = path.split('/');
  return segments.map((_, index) => segments.slice(0, index + 1).join('/'));
}
