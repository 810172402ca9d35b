import type { ControlDown } from '../src/protocol/agent/control-socket.ts';
import type { NextLease } from '../src/protocol/run/run-socket.ts';
import type { AgentOptions, AgentParts } from './agent-parts.ts';
import { fetchArtifact } from './lease/artifacts.ts';
import { type BufferedLease, FrameBuffer } from './lease/buffer.ts';
import { Lease, type LeaseDependencies } from './lease/lease.ts';
import type { RunSockets } from './lease/run-sockets.ts';
import { leaseTools } from './mcp/lease-tools.ts';

export type Offer = Extract<ControlDown, { type: 'offer' }>;
interface LeaseKey {
  task_id: string;
  epoch: number;
}

/** What the leases of an agent need of it. */
interface Agent {
  holder: Pick<BufferedLease, 'agent_id' | 'agent_name' | 'instance_id'>;
  /** The directories of the leases' buffers and worktrees. */
  buffers: string;
  worktrees: string;
  sockets: RunSockets;
  /** Whether it begins with no more work. */
  isEnding: () => boolean;
  /** The session has granted a lease. */
  granted: (lease: LeaseKey) => void;
  /** A lease has begun, or has ended with all that it had on this machine. */
  begun: () => void;
  ended: (lease: Lease) => void;
}

/** The leases that an agent works on, and those that it cleans up, by `<task id>/<epoch>`. */
export class AgentLeases {
  readonly #leases = new Map<string, Lease>();
  readonly #options: AgentOptions;
  readonly #parts: Omit<AgentParts, 'unlock'>;
  readonly #agent: Agent;

  constructor(options: AgentOptions, parts: Omit<AgentParts, 'unlock'>, agent: Agent) {
    this.#options = options;
    this.#parts = parts;
    this.#agent = agent;
  }

  get size(): number {
    return this.#leases.size;
  }

  get all(): Lease[] {
    return [...this.#leases.values()];
  }

  get granted(): Lease[] {
    return this.all.filter((lease) => lease.isGranted && !lease.isOver);
  }

  get(lease: LeaseKey): Lease | undefined {
    return this.#leases.get(keyOf(lease));
  }

  /**
   * Begins with an offer.
   * @param head the commit that the clone has checked out; null if that is not known
   * @returns false if its frames could not be stored
   */
  accept({ task_id, epoch, proof }: Offer, head: string | null): boolean {
    const buffer = this.#bufferFor({ task_id, epoch, ...this.#agent.holder, proof });
    if (buffer === null) return false;
    this.#begin(new Lease(buffer, this.#dependenciesOf({ task_id, epoch }, head)));
    return true;
  }

  /** Goes on with the lease to which the slot of another one has passed on. @returns whether it can */
  #goOn(before: Lease, given: NextLease): boolean {
    const { task_id, epoch } = given.assignment;
    if (this.get({ task_id, epoch })) return false;
    const buffer = this.#bufferFor({ task_id, epoch, ...this.#agent.holder, stream_id: given.stream_id });
    // Without frames, the session takes the lease back.
    if (buffer === null) return false;
    const lease = new Lease(buffer, this.#dependenciesOf({ task_id, epoch }, null), { lease: before, given });
    this.#begin(lease);
    if (this.#agent.isEnding()) lease.shutDown(0);
    return true;
  }

  #begin(lease: Lease): void {
    this.#leases.set(keyOf(lease), lease);
    this.#agent.begun();
    void lease.finished.then(() => {
      this.#leases.delete(keyOf(lease));
      this.#agent.ended(lease);
    });
  }

  #dependenciesOf(slot: LeaseKey, head: string | null): LeaseDependencies {
    const { repository, canMerge, opencode, model, redact, server, setup, tools } = this.#parts;
    const { agent_id: agentId, agent_name: agentName } = this.#agent.holder;
    const { url, token, ceilings, log, stepCheckpointMs } = this.#options;
    return {
      opencode,
      repository,
      clone: { repository: repository.rootCommit, head_commit: head, can_merge: canMerge },
      model,
      worktreesDirectory: this.#agent.worktrees,
      sockets: this.#agent.sockets,
      redact,
      setup,
      openTools: leaseTools({ server: tools, url, token, agentId, agentName, conceal: redact.add }),
      toolEnvironment: () => server.environment,
      fetchArtifact: (sessionId, artifactId) => fetchArtifact(url, token, sessionId, artifactId),
      onGranted: () => this.#agent.granted(slot),
      onPassed: (next) => this.#goOn(this.get(slot)!, next),
      log,
      ceilings,
      ...(stepCheckpointMs === undefined ? {} : { stepCheckpointMs }),
    };
  }

  #bufferFor(record: Parameters<typeof FrameBuffer.create>[1]): FrameBuffer | null {
    try {
      return FrameBuffer.create(this.#agent.buffers, record);
    } catch (error) {
      this.#options.log(`declining work: its events cannot be stored (${(error as Error).message})`);
      return null;
    }
  }
}

export function keyOf({ task_id, epoch }: LeaseKey): string {
  return `${task_id}/${epoch}`;
}
