import { type Edit, type Path, pathOf, pointerOf, valueAt } from './edits.ts';
import { isObject, type Json, type JsonObject, memberOf } from './json.ts';

/** Who last changed a place, when, and with which version. */
export interface Stamp {
  version: number;
  /** Milliseconds since 1970, by the clock of the context's home. */
  at: number;
  by: string;
}

/** A place with its stamp, and the places below that were changed after it was. A removed place keeps its stamp. */
export interface StampNode {
  stamp: Stamp;
  /** Of an object that was put where nothing was: the stamp from before. What is not in the object still has it. */
  before?: Stamp;
  below?: Record<string, StampNode>;
}

/** A place that was changed, as a JSON Pointer, with the version that has done it. */
export interface ChangedPlace {
  path: string;
  version: number;
}

/**
 * The stamps of all places in a context. A change of a place is one of all that it contains, and its own stamps below
 * are forgotten. An object that is new is a change of what is in it, and of nothing else that could be there.
 */
export class Stamps {
  readonly root: StampNode;

  /** @param root the stamps of a context as `root` had them before; the new object owns it */
  constructor(root: StampNode) {
    this.root = root;
  }

  /** Stamps the places that a change has edited. @param data the data before it */
  record(edits: readonly Edit[], stamp: Stamp, data: JsonObject): void {
    for (const { path, value } of edits) {
      const place = pathOf(path);
      const isNewObject = isObject(value) && valueAt(data, place) === undefined;
      const before = isNewObject ? this.newestIn(place, data) : undefined;
      let node = this.root;
      for (const member of place) {
        node.below ??= {};
        // A place that nobody has stamped has the stamps of the one above.
        const child = childOf(node, member) ?? { stamp: node.stamp, ...(node.before && { before: node.before }) };
        node.below[member] = child;
        node = child;
      }
      node.stamp = stamp;
      delete node.below;
      delete node.before;
      if (before) node.before = before;
    }
  }

  /**
   * The newest stamp of a place or of anything below it. A place without one of its own has that of the nearest one
   * above that was set as a whole.
   *
   * @param data what the stamps are of
   */
  newestIn(place: Path, data: JsonObject): Stamp {
    const { node, rest } = this.#nearest(place);
    if (rest.length === 0) return newest(node);
    const value = valueAt(data, place.slice(0, place.length - rest.length));
    return (isMissing(value, rest) && node.before) || node.stamp;
  }

  /** The places in a place, as deep as they are known, that were changed after a version. @param data see `newestIn` */
  changedIn(place: Path, data: JsonObject, version: number): Iterable<ChangedPlace> {
    const { node, rest } = this.#nearest(place);
    if (rest.length === 0) return changedAfter(version, node, valueAt(data, place), place);
    const stamp = this.newestIn(place, data);
    return stamp.version > version ? [{ path: pointerOf(place), version: stamp.version }] : [];
  }

  /** The node of a place or, without one, of the nearest place above; and the members from there. */
  #nearest(place: Path): { node: StampNode; rest: Path } {
    let node = this.root;
    for (const [index, member] of place.entries()) {
      const next = childOf(node, member);
      if (!next) return { node, rest: place.slice(index) };
      node = next;
    }
    return { node, rest: [] };
  }
}

function childOf({ below }: StampNode, member: string): StampNode | undefined {
  return below && Object.hasOwn(below, member) ? below[member] : undefined;
}

function newest({ stamp, below = {} }: StampNode): Stamp {
  let found = stamp;
  for (const child of Object.values(below)) {
    const candidate = newest(child);
    if (candidate.version > found.version) found = candidate;
  }
  return found;
}

/** Whether an object on the way has no such member. What is in an array, or would be in a text, is not missing. */
function isMissing(value: Json | undefined, path: Path): boolean {
  let found = value;
  for (const member of path) {
    if (!isObject(found)) return false;
    found = memberOf(found, member);
    if (found === undefined) return true;
  }
  return false;
}

function* changedAfter(
  version: number,
  { stamp, before, below = {} }: StampNode,
  value: Json | undefined,
  place: Path,
): Iterable<ChangedPlace> {
  if (stamp.version > version) {
    const isNew = before !== undefined && isObject(value) && Object.keys(value).length > 0;
    const places = isNew ? leavesOf(value, place, below) : [pointerOf(place)];
    for (const path of places) yield { path, version: stamp.version };
  }
  for (const [member, child] of Object.entries(below)) {
    yield* changedAfter(version, child, isObject(value) ? memberOf(value, member) : undefined, [...place, member]);
  }
}

/** The places of the values in an object that are no objects with members. @param without members that do not count */
function* leavesOf(value: JsonObject, place: Path, without: object = {}): Iterable<string> {
  for (const [member, inner] of Object.entries(value)) {
    if (Object.hasOwn(without, member)) continue;
    const at = [...place, member];
    if (isObject(inner) && Object.keys(inner).length > 0) yield* leavesOf(inner, at);
    else yield pointerOf(at);
  }
}
