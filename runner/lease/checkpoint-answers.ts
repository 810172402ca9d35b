/** What the session has said about the checkpoints of a lease. */
export class CheckpointAnswers {
  #saved = 0;
  #waiting: { n: number; resolve: (isSaved: boolean | null) => void }[] = [];

  /** The number of the newest checkpoint's frame that the session has stored; 0 when there is none. */
  get saved(): number {
    return this.#saved;
  }

  /**
   * The session has stored the checkpoints up to this frame. An older control plane does not say. Those that it
   * acknowledges count as stored.
   */
  heard(saved: number | undefined): void {
    this.#saved = saved ?? Number.POSITIVE_INFINITY;
  }

  /** Resolves with whether the session has stored the checkpoint in this frame; null if it does not say. */
  of(n: number): Promise<boolean | null> {
    const { promise, resolve } = Promise.withResolvers<boolean | null>();
    this.#waiting.push({ n, resolve });
    return promise;
  }

  /** The session has handled all frames up to this one. */
  acknowledged(acked: number): void {
    const isAnswered = ({ n }: { n: number }) => n <= acked;
    for (const { n, resolve } of this.#waiting.filter(isAnswered)) resolve(n <= this.#saved);
    this.#waiting = this.#waiting.filter((checkpoint) => !isAnswered(checkpoint));
  }

  /** Nothing more is heard. */
  end(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(null);
  }
}
