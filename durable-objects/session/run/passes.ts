import { BoundedMap } from '../../../src/domain/bounded-map.ts';
import { canGoOnWith, type KnownAgent } from '../../../src/domain/dispatch/pass.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { BATCH_BYTES } from '../../../src/protocol/common/limits.ts';
import type { Prompt } from '../../../src/protocol/run/assignment.ts';
import type { SessionParts } from '../parts.ts';
import { type LeaseRow, type Passing, readAssignment, readPassing } from '../rows.ts';
import { tellRegistry } from '../slot-messages.ts';
import type { Change } from '../transitions.ts';
import type { AgentClaim } from './claims.ts';
import type { LeaseNumbers } from './run-sockets.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'graph' | 'works' | 'checkpoints' | 'reservations' | 'leases'>;

/** The words that are remembered. A lease whose word is forgotten has that of its beginning. */
const MAX_WORDS = 1_000;

/** A lease that ends in this transaction, whose agent can go on. */
interface Vacancy {
  lease: LeaseRow;
  passing: Passing;
  agent: KnownAgent;
}

/**
 * Passes the slot of a lease that ends on to the next task, in the same transaction: without a request to the registry,
 * an offer and a claim. `src/domain/dispatch/pass.ts` says when that is fair.
 */
export class Passes {
  readonly #parts: Needs;
  #vacancy: Vacancy | null = null;
  /** By lease: until when its slot may pass on, by the registry's newest word (ms since the epoch). */
  readonly #words = new BoundedMap<string, number>(MAX_WORDS);

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** The registry has said for how long, in ms, the slot of a lease may pass on. */
  allow(lease: LeaseNumbers, ms: number): void {
    this.#words.set(keyOf(lease), this.#now + ms);
  }

  /** What is known of the agent of a new lease. */
  begin({ epoch, repository, capabilities = [], labels = [], can_merge = false }: AgentClaim, task: number): Passing {
    const required = this.#parts.reservations.requirements(task);
    return {
      repository,
      capabilities: [...new Set([...capabilities, ...required.required_capabilities])],
      labels,
      met_labels: required.required_labels,
      tier: required.min_performance_tier ?? null,
      repository_key: required.repository_key,
      can_merge,
      until: this.#words.get(keyOf({ task, epoch })) ?? 0,
    };
  }

  /** Lets the session go on after a lease has ended. The first task that fits gets its agent, if the slot may pass on. */
  offering(lease: LeaseRow | undefined, goOn: () => void): void {
    this.#vacancy = lease ? this.#vacancyOf(lease) : null;
    if (lease) this.#words.delete(keyOf(lease));
    try {
      goOn();
    } finally {
      this.#vacancy = null;
    }
  }

  /** Gives the free agent the first task that has asked the registry for one already. */
  takeWaiting(change: Change): void {
    if (this.#vacancy) this.#parts.graph.asking.find(({ number }) => this.take(number, change));
  }

  /** Gives a ready task to the free agent. @returns whether there is one that can do it */
  take(number: number, change: Change): boolean {
    const vacancy = this.#vacancy;
    const { records, works, reservations, leases } = this.#parts;
    if (!vacancy || !canGoOnWith(vacancy.agent, reservations.requirements(number)) || !this.#areShort(number)) {
      return false;
    }
    if (works.needsMerge(number) && !vacancy.passing.can_merge) return false;
    this.#vacancy = null;
    // First, because it says what the task required before an agent had it.
    this.#tell(vacancy, number);
    const lease = this.#nextLease(vacancy, number);
    leases.grant(lease, change);
    records.updateLease(vacancy.lease.task, {
      passing: JSON.stringify({ ...vacancy.passing, next: [number, lease.epoch] } satisfies Passing),
    });
    return true;
  }

  /** The lease to which the slot of one that has ended has passed on, while the same process holds it. */
  nextOf({ task, epoch }: LeaseNumbers): LeaseRow | null {
    const { records } = this.#parts;
    const ended = records.find() ? records.lease(task) : undefined;
    const next = ended?.epoch === epoch ? readPassing(ended)?.next : undefined;
    const lease = next && records.liveLease(next[0]);
    return lease && lease.epoch === next[1] && lease.instance_id === ended!.instance_id ? lease : null;
  }

  /** The prompts that come with the assignment of a lease that was passed on. */
  messagesOf(lease: LeaseRow): Prompt[] {
    const { records, checkpoints } = this.#parts;
    const done = checkpoints.toRestore(lease.task)?.messages_done ?? 0;
    const given = readPassing(lease)?.given ?? 0;
    return records
      .promptsAfter(lease.task, done)
      .filter(({ number }) => number <= given)
      .map((prompt) => ({ ...prompt, delivery: 'follow_up' }));
  }

  #vacancyOf(lease: LeaseRow): Vacancy | null {
    const passing = readPassing(lease);
    if (!passing || lease.move_asked_at !== null) return null;
    const until = this.#words.get(keyOf(lease)) ?? passing.until;
    if (this.#now >= until) return null;
    const { agent_id, instance_id } = lease;
    return { lease, passing: { ...passing, until }, agent: { ...passing, agent_id, instance_id } };
  }

  /** Whether the prompts of a task fit into the message that ends the lease before. */
  #areShort(number: number): boolean {
    const prompts = this.#parts.records.promptsAfter(number, 0);
    return JSON.stringify(prompts).length < BATCH_BYTES;
  }

  /** The registry frees one slot and takes the other for the agent at once. */
  #tell({ lease: { task, epoch, agent_id, instance_id } }: Vacancy, number: number): void {
    const { kit, records, reservations } = this.#parts;
    const result = readAssignment(records.task(task)!)?.result;
    const from = { task_id: taskIdOf(records.session().id, task), epoch, ...(result && { result }) };
    tellRegistry(kit, { op: 'pass', from, request: reservations.request(number), agent_id, instance_id });
  }

  #nextLease({ lease, passing }: Vacancy, task: number): LeaseRow {
    const { kit, records } = this.#parts;
    const now = this.#now;
    const { given: _, ...known } = passing;
    return {
      ...lease,
      task,
      epoch: records.task(task)!.epoch,
      stream_id: kit.store.platform.uuid(),
      acked: 0,
      granted_at: now,
      seen_at: now,
      extended_at: null,
      closed_at: null,
      passing: JSON.stringify({ ...known, given: records.lastMessageOf(task) } satisfies Passing),
      ended: null,
    };
  }

  get #now(): number {
    return this.#parts.kit.store.platform.now();
  }
}

function keyOf({ task, epoch }: LeaseNumbers): string {
  return `${task}:${epoch}`;
}
