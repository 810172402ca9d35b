/**
 * Items in a total order. A lookup is a binary search. An insertion also moves the items behind it, which for ten
 * thousand items is some microseconds. What an item's order depends on must not change while it is in the list.
 */
export class SortedList<T> {
  readonly #compare: (one: T, other: T) => number;
  readonly #items: T[] = [];

  /** @param compare negative if `one` comes first; 0 only for the same item, or for one that may stand for it */
  constructor(compare: (one: T, other: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** The item at an index from 0. */
  at(index: number): T | undefined {
    return this.#items[index];
  }

  /** The number of items that come before this one, which need not be in the list. */
  rank(item: T): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.#items[middle]!, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  add(item: T): void {
    this.#items.splice(this.rank(item), 0, item);
  }

  /** Removes an item if the list has it. */
  delete(item: T): void {
    const index = this.rank(item);
    const found = this.#items[index];
    if (found !== undefined && this.#compare(found, item) === 0) this.#items.splice(index, 1);
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }
}
