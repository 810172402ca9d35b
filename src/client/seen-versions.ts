/** Of so many contexts a client remembers the newest version. */
const MAX_SEEN = 1_000;

interface Versioned {
  id: string;
  version: number;
}

/**
 * The newest version of each context that a client has seen. With it, a read may be answered by a copy, and never by one
 * that is older. A context that the client has not seen is read at its home.
 */
export class SeenVersions {
  readonly #seen = new Map<string, number>();

  /** @param ref an id or an address */
  of(ref: string): number | undefined {
    return this.#seen.get(ref);
  }

  /** @param answer of a call on `ref`; one that is no context is ignored */
  note(ref: string | undefined, answer: unknown): void {
    const { id, version } = (answer ?? {}) as Partial<Versioned>;
    if (typeof id !== 'string' || typeof version !== 'number') return;
    for (const name of new Set([id, ref ?? id])) {
      const newest = Math.max(version, this.#seen.get(name) ?? 0);
      // Deleted first, so that the context that was seen longest ago is the first one.
      this.#seen.delete(name);
      this.#seen.set(name, newest);
    }
    for (const name of this.#seen.keys()) {
      if (this.#seen.size <= MAX_SEEN) return;
      this.#seen.delete(name);
    }
  }

  /** A change is sent, whose answer may not say what it has changed, or not come. The homes are asked again after it. */
  forget(): void {
    this.#seen.clear();
  }
}
