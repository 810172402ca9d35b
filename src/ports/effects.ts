/** What use cases need of the world besides the objects: time and chance. */
export interface Effects {
  /** Milliseconds since the epoch. */
  now(): number;
  uuid(): string;
  /** `count` unpredictable bytes. */
  randomBytes(count: number): Uint8Array;
}
