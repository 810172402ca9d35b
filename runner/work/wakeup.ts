/** Lets one loop sleep until it is signalled. A signal that comes while the loop is awake is not lost. */
export class Wakeup {
  #signalled = false;
  #wake: (() => void) | null = null;

  signal(): void {
    this.#signalled = true;
    this.#wake?.();
  }

  /** Resolves at the next signal or after `limitMs`; at once if a signal came since the last wait. */
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
