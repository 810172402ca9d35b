/** Lets one loop sleep until something happened, without losing what happens while it is awake. */
export class Wakeup {
  #signalled = false;
  #wake: (() => void) | null = null;

  signal(): void {
    this.#signalled = true;
    this.#wake?.();
  }

  /** Resolves at the next signal, at once when one came since the last wait, or after `limitMs`. */
  async wait(limitMs?: number): Promise<void> {
    if (!this.#signalled) {
      await new Promise<void>((resolve) => {
        const timer = limitMs === undefined ? undefined : setTimeout(resolve, limitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    this.#signalled = false;
  }
}
