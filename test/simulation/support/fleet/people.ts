import { hasEnded, nextStatus } from '../../../../src/domain/session/session-machine.ts';
import { type SessionAction, SessionPriority } from '../../../../src/protocol/common/enums.ts';
import { requestFor } from '../../../unit/session/actions.fixture.ts';
import { requested, type SessionInProcess } from '../../../unit/session/harness.ts';
import type { World } from '../world.ts';
import { isCreated } from './fleet-laws.ts';
import { type FleetObjects, type FleetSession, REPOSITORY_URL } from './fleet-objects.ts';

/** What people ask for, likely things several times. */
const ACTIONS = [
  ...['start', 'start', 'pause', 'pause', 'pause', 'resume', 'resume', 'resume', 'retry', 'retry'],
  ...['stop', 'stop', 'cancel', 'complete', 'fail'],
] as SessionAction[];

/** A person who calls a session. */
interface Caller {
  runtime: SessionInProcess['runtime'];
  call: SessionInProcess['call'];
}

/** People who create, steer and delete the sessions of a fleet. */
export class People {
  /** Whether a call may throw. When all is well, none does. */
  mayFail = true;
  readonly #world: World;
  readonly #fleet: FleetObjects;
  /** The agent that many sessions prefer. Else the work is balanced when it is offered, and nothing is left to move. */
  readonly #preferred: string;
  readonly #count: (what: string) => void;
  readonly #started = new Set<FleetSession>();
  readonly #deleted = new Set<FleetSession>();

  constructor(world: World, fleet: FleetObjects, preferred: string, count: (what: string) => void) {
    this.#world = world;
    this.#fleet = fleet;
    this.#preferred = preferred;
    this.#count = count;
  }

  /** Creates the next session with a few prompts, and starts it. */
  async create(): Promise<void> {
    const isNew = (session: FleetSession) => !this.#started.has(session) && !this.#deleted.has(session);
    const next = this.#fleet.sessions.find(isNew);
    if (!next) return;
    const request = requested({
      ...{ max_attempts: 8, approval_timeout_seconds: 120 },
      priority: this.#world.pick(SessionPriority().options),
      allow_rebalance: this.#world.chance(0.6),
      repository: { url: REPOSITORY_URL },
      preferred_agent_ids: this.#world.chance(0.8) ? [this.#preferred] : [],
    });
    await this.#ask(next, ({ runtime, call }) => runtime.create(call({ key: next.id }), next.id, request));
    for (let more = this.#world.integer(0, 3); more > 0; more--) await this.send(next);
    await this.#act(next, 'start');
  }

  async send(session: FleetSession): Promise<void> {
    return this.#ask(session, ({ runtime, call }) => runtime.send(call(), { text: 'More', delivery: 'follow_up' }));
  }

  /** Asks for an action that is legal, most of the time. */
  async act(session: FleetSession): Promise<void> {
    const status = isCreated(session) ? await session.session.status() : 'pending';
    const legal = ACTIONS.filter((action) => nextStatus(status, action) !== null);
    const action = this.#world.pick(legal.length > 0 && this.#world.chance(0.8) ? legal : ACTIONS);
    return this.#act(session, action);
  }

  async answer(session: FleetSession): Promise<void> {
    await this.#ask(session, async ({ runtime, call }) => {
      const listed = await runtime.approvals(call());
      const open = listed.ok ? listed.value.items.find(({ status }) => status === 'open') : undefined;
      if (open) await runtime.answer(call(), open.id, { decision: this.#world.pick(['once', 'reject', 'always']) });
    });
  }

  async remove(session: FleetSession): Promise<void> {
    if (!this.#started.has(session)) return;
    await this.#ask(session, async ({ runtime, call }) => {
      const outcome = await runtime.remove(call());
      if (!outcome.ok) return;
      this.#count('deleted');
      this.#started.delete(session);
      this.#deleted.add(session);
    });
  }

  /** Lets held sessions go on. @returns the sessions that were started and have not ended, with their statuses */
  async goOn(): Promise<string[]> {
    const waiting: string[] = [];
    for (const target of this.#started) {
      const status = await target.session.status();
      if (status === 'paused') await this.#act(target, 'resume');
      if (status === 'stopped') await this.#act(target, 'retry');
      const isOver = hasEnded(status) && status !== 'stopped';
      if (!isOver) waiting.push(`${target.name} is ${status}`);
      else if (nextStatus(status, 'retry') === null) this.#count(`ended ${status}`);
    }
    return waiting;
  }

  async #act(session: FleetSession, action: SessionAction): Promise<void> {
    return this.#ask(session, async ({ runtime, call }) => {
      const outcome = await runtime.act(call(), requestFor(action));
      if (outcome.ok) this.#count(`act ${action}`);
      if (outcome.ok && (action === 'start' || action === 'retry')) this.#started.add(session);
    });
  }

  /** A person's call, which fails when the object's host is away, or when a statement throws. */
  async #ask({ session, awayUntil }: FleetSession, ask: (caller: Caller) => Promise<unknown>): Promise<void> {
    if (awayUntil > this.#world.now) return;
    const { runtime } = session;
    await ask({ runtime, call: (changes) => session.call(changes) }).catch((error: unknown) => {
      if (!this.mayFail) throw error;
      this.#count('a call threw');
    });
  }
}
