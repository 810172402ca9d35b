import { type Edit, type Path, pathOf } from './edits.ts';

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
  below?: Record<string, StampNode>;
}

/**
 * The stamps of all places in a context. A change of a place is one of all that it contains, and its own stamps below
 * are forgotten.
 */
export class Stamps {
  readonly root: StampNode;

  /** @param root the stamps of a context as `root` had them before; the new object owns it */
  constructor(root: StampNode) {
    this.root = root;
  }

  /** Stamps the places that a change has edited. */
  record(edits: readonly Edit[], stamp: Stamp): void {
    for (const { path } of edits) {
      let node = this.root;
      for (const member of pathOf(path)) {
        node.below ??= {};
        // A place that nobody has stamped has the stamp of the one above.
        const child = childOf(node, member) ?? { stamp: node.stamp };
        node.below[member] = child;
        node = child;
      }
      node.stamp = stamp;
      delete node.below;
    }
  }

  /** The stamp of the value at a place: that of the place, or of the nearest one above that was set as a whole. */
  of(path: Path): Stamp {
    return this.#nearest(path).node.stamp;
  }

  /** The newest stamp of a place or of anything below it. */
  newestIn(path: Path): Stamp {
    const { node, isExact } = this.#nearest(path);
    return isExact ? newest(node) : node.stamp;
  }

  #nearest(path: Path): { node: StampNode; isExact: boolean } {
    let node = this.root;
    for (const member of path) {
      const next = childOf(node, member);
      if (!next) return { node, isExact: false };
      node = next;
    }
    return { node, isExact: true };
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
