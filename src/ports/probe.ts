/** A dependency that readiness asks after. `check` throws, with a reason, when it cannot be reached. */
export interface Probe {
  name: 'objects' | 'postgres' | 'redis';
  /** Without it nothing works; without the others the system is degraded. */
  required: boolean;
  check(): Promise<void>;
}
