import { instanceWithoutSocket } from '../../../../src/domain/lease/report.ts';
import type { Call } from '../../../../src/ports/calls.ts';
import type { LeaseCallsApi, LeaseKey } from '../../../../src/ports/lease-calls.ts';
import type { WorkOffer } from '../../../../src/ports/work-claims.ts';
import { RegisterAgentRequest } from '../../../../src/protocol/agent/agent.ts';
import type { Outcome } from '../../../../src/protocol/common/errors.ts';
import { sessionOfTask } from '../../../../src/protocol/common/ids.ts';
import type { LeaseReport, ReportResultRequest } from '../../../../src/protocol/run/reports.ts';
import { callFrom } from '../../../unit/ports/agent-registry.fixture.ts';
import { note } from '../../../unit/session/fake-agent.ts';
import { WORKSPACE } from '../../../unit/session/harness.ts';
import type { World } from '../world.ts';
import { type FleetObjects, REPOSITORY_URL } from './fleet-objects.ts';
import type { LossyCalls } from './lossy-calls.ts';
import type { SimulatedAgent, SimulatedLease } from './simulated-agent.ts';

/** Answers after which the agent does not go on with a lease, and how that is counted. */
const OVER: Readonly<Record<string, string>> = {
  stale_lease: 'lease_lost',
  lease_gone: 'gone',
  not_found: 'gone',
  result_differs: 'ended',
};

class HttpLease implements SimulatedLease {
  readonly task_id: string;
  readonly epoch: number;
  readonly notes = new Map<number, string>();
  acked = 0;
  refused = 0;
  head = 0;
  result: ReportResultRequest | null = null;
  releases: 'paused' | 'stopped' | 'refused' | 'shutdown' | null = null;
  acknowledged: number | undefined;

  constructor({ task_id, epoch }: LeaseKey) {
    this.task_id = task_id;
    this.epoch = epoch;
  }
}

/**
 * An agent over plain HTTP: it claims, and each of its requests may be lost, late or repeated. What it has reported it
 * forgets when its process ends.
 */
export class FleetHttpAgent implements SimulatedAgent {
  readonly id: string;
  readonly name: string;
  readonly capacity: number;
  readonly leases = new Map<string, HttpLease>();
  readonly past: HttpLease[] = [];
  isRunning = false;
  mayRefuse = true;
  readonly #world: World;
  readonly #fleet: FleetObjects;
  readonly #calls: LossyCalls;
  readonly #count: (what: string) => void;
  /** The id of its own token; null before it is registered, and after it was removed. */
  #token: string | null = null;
  #registrations = 0;

  constructor(
    { id, name, capacity }: Pick<SimulatedAgent, 'id' | 'name' | 'capacity'>,
    {
      world,
      fleet,
      calls,
      count,
    }: { world: World; fleet: FleetObjects; calls: LossyCalls; count: (what: string) => void },
  ) {
    this.id = id;
    this.name = name;
    this.capacity = capacity;
    this.#world = world;
    this.#fleet = fleet;
    this.#calls = calls;
    this.#count = count;
  }

  get instanceId(): string {
    return instanceWithoutSocket(this.id);
  }

  get isConnected(): boolean {
    return this.isRunning && this.#token !== null;
  }

  start(): void {
    this.isRunning = true;
  }

  kill(): void {
    this.isRunning = false;
    this.leases.clear();
  }

  cut(): void {}

  lost(): void {}

  async ping(): Promise<void> {
    if (this.isConnected) await this.#ask(() => this.#registry.heartbeat(this.#call('default'), this.id));
  }

  /** Registers, claims what there is room for, and works. */
  async tick(): Promise<void> {
    if (!this.isRunning) return;
    if (this.#token === null) await this.#register();
    const room = this.capacity - this.leases.size;
    if (this.#token !== null && room > 0) await this.#claim(room);
    for (const [key, lease] of this.leases) await this.#work(key, lease);
  }

  async #register(): Promise<void> {
    const token_id = `token ${++this.#registrations} of ${this.name}`;
    const request = RegisterAgentRequest().parse({
      ...{ name: this.name, agent_type: 'implementer', capabilities: [] },
      ...{ max_concurrent_capacity: this.capacity, repository_urls: [REPOSITORY_URL] },
    });
    const call = callFrom('default');
    const { registry } = this.#fleet;
    if (this.#fleet.isAway(registry)) return;
    const registered = await registry.registry.api
      .register(call, { agent_id: this.id, token_id }, request)
      .catch(() => null);
    if (registered?.ok) this.#token = token_id;
  }

  async #claim(room: number): Promise<void> {
    const offers = await this.#ask(() => this.#registry.claim(this.#call('default'), this.id, room));
    if (offers && !offers.ok && offers.failure.code === 'not_found') {
      this.#count('removed');
      this.#token = null;
    }
    for (const offer of offers?.ok ? offers.value : []) if (this.leases.size < this.capacity) await this.#take(offer);
  }

  async #take({ session_id: _, ...offer }: WorkOffer): Promise<void> {
    const key = `${offer.task_id}/${offer.epoch}`;
    if (this.leases.has(key) || this.#world.chance(0.05)) return;
    const lease = new HttpLease(offer);
    const handed = await this.#askSession(lease, (session, call) =>
      session.handOut(call, { ...offer, can_merge: true }),
    );
    if (!handed?.ok) return;
    this.leases.set(key, lease);
    this.past.push(lease);
    this.#count('handed out');
  }

  /** One request under a lease: the same as before if that was not answered. */
  async #work(key: string, lease: HttpLease): Promise<void> {
    this.#decide(lease);
    const { acknowledged: acknowledged_command } = lease;
    const answer = await this.#askSession<LeaseReport | null>(lease, (session, call) => {
      if (lease.releases) return session.releaseLease(call, lease, { reason: lease.releases, message: '' });
      if (lease.result) return session.reportResult(call, lease, { ...lease.result, acknowledged_command });
      return session.report(call, lease, { frames: framesOf(lease), acknowledged_command });
    });
    if (!answer) return;
    if (!answer.ok) return void this.#refused(key, lease, answer.failure.code);
    if (answer.value === null || ('final' in answer.value && answer.value.final)) return this.#over(key, 'ended');
    lease.result = null;
    lease.acked = Math.max(lease.acked, answer.value.acked);
    this.#obey(lease, answer.value);
  }

  #decide(lease: HttpLease): void {
    const world = this.#world;
    if (lease.releases || lease.result) return;
    if (world.chance(0.02)) lease.releases = world.pick([this.mayRefuse ? 'refused' : 'shutdown', 'shutdown']);
    else if (lease.head > 0 && world.chance(0.2)) lease.result = resultOf(world.chance(0.15));
    else {
      const n = ++lease.head;
      lease.notes.set(n, `${lease.task_id} ${lease.epoch} of ${this.name} ${this.past.length}: note ${n}`);
    }
  }

  #obey(lease: HttpLease, { commands }: LeaseReport): void {
    for (const { id, type } of commands) {
      lease.acknowledged = Math.max(lease.acknowledged ?? 0, id);
      if (type === 'pause') lease.releases = 'paused';
      else if (type === 'stop' || type === 'cancel') lease.releases = 'stopped';
    }
  }

  #refused(key: string, lease: HttpLease, code: string): void {
    const how = OVER[code];
    if (how !== undefined) this.#over(key, how);
    else
      throw new Error(`${this.name} was refused: ${code}, with ${lease.head} frames and ${lease.acked} acknowledged`);
  }

  #over(key: string, how: string): void {
    this.#count(`over: ${how}`);
    this.#world.note(`${this.name}: ${key.slice(19)} is over (${how})`);
    this.leases.delete(key);
  }

  get #registry() {
    const { registry } = this.#fleet;
    const api = {
      claim: async (...args: Parameters<typeof registry.registry.api.claim>) => registry.registry.api.claim(...args),
      heartbeat: async (...args: Parameters<typeof registry.registry.api.heartbeat>) =>
        registry.registry.api.heartbeat(...args),
    };
    return this.#calls.to(api, () => this.#fleet.isAway(registry));
  }

  /** A call to the session of a lease. What is refused as stale is noted where it arrives, also when its answer is lost. */
  async #askSession<T>(
    lease: HttpLease,
    ask: (session: LeaseCallsApi, call: Call) => Promise<Outcome<T>>,
  ): Promise<Outcome<T> | null> {
    const target = this.#fleet.sessions.find(({ id }) => id === sessionOfTask(lease.task_id))!;
    const noted =
      <Args extends unknown[], R>(method: (...args: Args) => Outcome<R>) =>
      async (...args: Args) => {
        const outcome = method(...args);
        if (!outcome.ok && outcome.failure.code === 'stale_lease') lease.refused++;
        return outcome;
      };
    // A late call reaches the object as it is then, after a restart too.
    const calls = () => target.session.runtime.leaseCalls;
    const api: LeaseCallsApi = {
      handOut: noted((...args) => calls().handOut(...args)),
      heldLease: noted((...args) => calls().heldLease(...args)),
      report: noted((...args) => calls().report(...args)),
      reportResult: noted((...args) => calls().reportResult(...args)),
      reportConflict: noted((...args) => calls().reportConflict(...args)),
      releaseLease: noted((...args) => calls().releaseLease(...args)),
    };
    const reached = this.#calls.to(api, () => this.#fleet.isAway(target));
    return this.#ask(() => ask(reached, this.#call(WORKSPACE)));
  }

  /** @returns null if the call fails or is not answered */
  #ask<T>(ask: () => Promise<T>): Promise<T | null> {
    return ask().catch(() => null);
  }

  #call(workspace: string): Call {
    const agent = { id: this.id, registered_by: 'token' };
    const principal = { workspace, role: 'agent', token_id: this.#token ?? 'ended', agent } as const;
    return { principal, request_id: 'request', idempotency: null };
  }
}

function framesOf({ acked, notes }: HttpLease) {
  return [...notes].filter(([n]) => n > acked).map(([n, text]) => ({ n, ...note(text) }));
}

function resultOf(hasFailed: boolean): ReportResultRequest {
  const error = { code: 'model_failed', message: 'It failed.', retryable: true };
  return {
    ...{ status: hasFailed ? 'failed' : 'completed', output: 'Done.', artifacts: [] },
    error: hasFailed ? error : null,
  };
}
