/** A lease that an agent claimed, with what it has reported. */
export interface SimulatedLease {
  readonly task_id: string;
  readonly epoch: number;
  /** All notes that it reported, by the number of their frame. */
  readonly notes: ReadonlyMap<number, string>;
  /** The frames up to this one are stored. */
  readonly acked: number;
  /** How many of its messages were refused, because it did not hold the lease any more. */
  readonly refused: number;
}

/** An agent of the fleet, over any transport. */
export interface SimulatedAgent {
  readonly id: string;
  readonly name: string;
  readonly capacity: number;
  /** The id of its process. */
  readonly instanceId: string;
  /** What it works on. */
  readonly leases: ReadonlyMap<string, SimulatedLease>;
  /** All leases that it ever claimed. */
  readonly past: readonly SimulatedLease[];
  /** Whether it is running and the registry can offer it work. */
  readonly isConnected: boolean;
  /** Whether it may refuse work, which its process then never gets again. */
  mayRefuse: boolean;
  start(): void;
  /** Kills the process. @param isNoticed whether the objects get close events */
  kill(isNoticed: boolean): void;
  /** Breaks all its connections. @param isNoticed whether the objects get close events */
  cut(isNoticed: boolean): void;
  /** Its sockets at an object end without a close event, because that object's host has gone. */
  lost(object: object): void;
  ping(): void | Promise<void>;
  /** Does a step of its work. */
  tick(): void | Promise<void>;
}
