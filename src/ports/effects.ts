/** Time and randomness for use cases. */
export interface Effects {
  /** Milliseconds since the epoch. */
  now(): number;
  uuid(): string;
  /** `count` unpredictable bytes. */
  randomBytes(count: number): Uint8Array;
}
