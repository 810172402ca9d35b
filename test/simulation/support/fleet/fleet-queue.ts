import { PASS_MS } from '../../../../src/domain/dispatch/pass.ts';
import type { SessionPriority } from '../../../../src/protocol/common/enums.ts';
import { sessionOfTask, taskNumber } from '../../../../src/protocol/common/ids.ts';
import type { Requirements } from '../../../../src/protocol/session/requirements.ts';
import { type FleetObjects, LAGS_MS, rowsIn } from './fleet-objects.ts';
import type { SimulatedAgent } from './simulated-agent.ts';

/** A slot's row that has not ended. */
interface SlotRow {
  task_id: string;
  epoch: number;
  state: 'queued' | 'offered' | 'accepted';
  agent_id: string | null;
  priority: SessionPriority;
  queued_at: number;
  requirements: string;
  declined: string;
  passed_to: string | null;
}

interface AgentRow {
  id: string;
  capacity: number;
  drain: string | null;
  breaker: string | null;
}

/** A request that an agent can take is offered within this time, also after it was declined (its longest pause). */
const OFFERED_WITHIN_MS = 90_000;

/** Follows the registry's queue and the use of its agents from step to step. */
export class Queue {
  readonly #fleet: FleetObjects;
  readonly #agents: readonly SimulatedAgent[];
  readonly #count: (what: string) => void;
  /** The slots of the last step by their key. */
  #slots = new Map<string, SlotRow>();
  /** Since when some agent could have taken a waiting request (ms). */
  readonly #takeableSince = new Map<string, number>();

  constructor(fleet: FleetObjects, agents: readonly SimulatedAgent[], count: (what: string) => void) {
    this.#fleet = fleet;
    this.#agents = agents;
    this.#count = count;
  }

  /** Looks at the step that has just ended. @returns what breaks a law, by its name */
  look(): { capacity: string[]; overtaken: string[] } {
    const slots = new Map(this.#rows().map((row) => [`${row.task_id}/${row.epoch}`, row]));
    const capacity = this.#overfull([...slots.values()]);
    const overtaken = this.#overtaken(slots);
    this.#slots = slots;
    return { capacity, overtaken };
  }

  /** The requests that wait although an agent can take them. Holds when all is well. */
  forgotten(): string[] {
    const now = this.#fleet.registry.platform.now();
    const agents = this.#agentRows();
    return [...this.#slots].flatMap(([key, slot]) => {
      const isTakeable = slot.state === 'queued' && agents.some((agent) => this.#canTake(agent, slot, now));
      if (!isTakeable) this.#takeableSince.delete(key);
      else if (!this.#takeableSince.has(key)) this.#takeableSince.set(key, now);
      const waited = now - (this.#takeableSince.get(key) ?? now);
      return waited > OFFERED_WITHIN_MS ? [`${key} waits for ${waited} ms although an agent can take it`] : [];
    });
  }

  /**
   * The agents that have more than their process takes, or an offer above the capacity that people have set. What an
   * agent has accepted before that was lowered it keeps.
   */
  #overfull(slots: readonly SlotRow[]): string[] {
    return this.#agentRows().flatMap(({ id, capacity }) => {
      const held = slots.filter(({ agent_id }) => agent_id === id);
      if (held.length > capacity) this.#count('more than the capacity');
      const isAbove = held.length > capacity && held.some(({ state }) => state === 'offered');
      const most = this.#agents.find((agent) => agent.id === id)!.capacity;
      return isAbove || held.length > most ? [`${id} has ${held.length} slots of ${capacity}, at most ${most}`] : [];
    });
  }

  /** The requests that were passed over by one that came later than their lag allows. */
  #overtaken(slots: ReadonlyMap<string, SlotRow>): string[] {
    const waiting = [...slots].filter(([key, row]) => isPlain(row) && isSame(this.#slots.get(key), row));
    const taken = [...slots].filter(([key, { state }]) => state !== 'queued' && isPlain(this.#slots.get(key)));
    const passed = [...slots].filter(([key, { passed_to }]) => passed_to !== null && !this.#slots.get(key)?.passed_to);
    const came = [
      ...taken.map(([key, { queued_at }]) => ({ key, at: queued_at, allowed: 0 })),
      ...passed.map(([key]) => ({ key, at: this.#grantedAt(key), allowed: PASS_MS })),
    ];
    return came.flatMap(({ key, at, allowed }) =>
      waiting.flatMap(([other, row]) => {
        if (sessionOfTask(other.split('/')[0]!) === sessionOfTask(key.split('/')[0]!)) return [];
        if (at > row.queued_at) this.#count(allowed > 0 ? 'passed before' : 'overtook');
        const latest = row.queued_at + LAGS_MS[row.priority] + allowed;
        return at > latest ? [`${key} came ${at - latest} ms too late to overtake ${other}`] : [];
      }),
    );
  }

  /** When the lease of a slot was granted that its session has passed on (ms). Its own clock is that of the registry. */
  #grantedAt(key: string): number {
    const [task = '', epoch] = key.split('/');
    const session = this.#fleet.sessions.find(({ id }) => id === sessionOfTask(task))!;
    const where = `task = ${taskNumber(task)} AND epoch = ${epoch}`;
    return rowsIn<{ granted_at: number }>(session.platform, 'leases', 'granted_at', where)[0]?.granted_at ?? 0;
  }

  #canTake({ id, capacity, drain, breaker }: AgentRow, slot: SlotRow, now: number): boolean {
    const agent = this.#agents.find((one) => one.id === id);
    const used = [...this.#slots.values()].filter(({ agent_id }) => agent_id === id).length;
    const { refusing_instances = [] } = JSON.parse(slot.requirements) as Requirements;
    const declined = JSON.parse(slot.declined) as Record<string, { until: number }>;
    return (
      agent?.isConnected === true &&
      drain === null &&
      breaker === null &&
      used < capacity &&
      !refusing_instances.includes(agent.instanceId) &&
      (declined[id]?.until ?? 0) <= now
    );
  }

  #rows(): SlotRow[] {
    const columns = 'task_id, epoch, state, agent_id, priority, queued_at, requirements, declined, passed_to';
    return rowsIn<SlotRow>(this.#fleet.registry.platform, 'slots', columns, `state <> 'ended'`);
  }

  #agentRows(): AgentRow[] {
    return rowsIn<AgentRow>(this.#fleet.registry.platform, 'agents', 'id, capacity, drain, breaker');
  }
}

/** Whether a slot waits for any agent: none has declined or refused it, and none is avoided. */
function isPlain(row: SlotRow | undefined): boolean {
  if (row?.state !== 'queued' || row.declined !== '{}') return false;
  const { refusing_instances = [], avoid_agents } = JSON.parse(row.requirements) as Requirements;
  return refusing_instances.length === 0 && avoid_agents.length === 0;
}

function isSame(before: SlotRow | undefined, row: SlotRow): boolean {
  return before?.state === 'queued' && before.priority === row.priority && before.declined === row.declined;
}
