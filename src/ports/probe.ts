/** A dependency that readiness checks. `check` throws, with a reason, when the dependency cannot be reached. */
export interface Probe {
  name: 'objects' | 'postgres' | 'redis';
  /** Whether nothing works without the dependency. Without any other dependency, the system is degraded. */
  required: boolean;
  check(): Promise<void>;
}
