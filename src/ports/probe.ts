/** A check of a dependency, for readiness. `check` throws, with a reason, if the dependency cannot be reached. */
export interface Probe {
  name: 'objects' | 'postgres' | 'redis';
  /** Whether nothing works without the dependency. If an optional dependency is away, the system is only degraded. */
  required: boolean;
  check(): Promise<void>;
}
