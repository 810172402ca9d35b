import { hasEnded, nextStatus } from '../../../../src/domain/session/session-machine.ts';
import { type SessionAction, SessionPriority, type SessionStatus } from '../../../../src/protocol/common/enums.ts';
import { CreateGraphRequest } from '../../../../src/protocol/session/task-requests.ts';
import { requestFor } from '../../../unit/session/actions.fixture.ts';
import { uuidOf } from '../../../unit/session/fake-agent.ts';
import { requested } from '../../../unit/session/harness.ts';
import { World } from '../world.ts';
import { FleetAgent } from './fleet-agent.ts';
import { Agreement } from './fleet-agreement.ts';
import { FleetHttpAgent } from './fleet-http-agent.ts';
import { checkCalm, checkEnd, checkLogs, checkStep, isCreated, LAWS, type Law } from './fleet-laws.ts';
import { type FleetObject, FleetObjects, type FleetSession, REPOSITORY_URL } from './fleet-objects.ts';
import { Queue } from './fleet-queue.ts';
import { LossyCalls } from './lossy-calls.ts';
import { OPERATIONS, Operators } from './operators.ts';
import { ACTIONS, type Caller } from './people.ts';
import type { SimulatedAgent } from './simulated-agent.ts';

const SESSIONS = 14;
/** The sessions that are started at once. They compete for the agents. */
const FIRST_SESSIONS = 9;
/** The last one is preferred by many sessions. */
const CAPACITIES = [1, 2, 4];
const HTTP_CAPACITY = 2;
const STEPS = 200;
const TRACE_LINES = 40;
/** After the last fault, agents work and ping at this interval, until every session has ended. */
const CALM_STEP_MS = 10_000;
const CALM_STEPS = 2_000;
const RESTART_STEPS = 200;
/** Until every late call has arrived. */
const RETURN_STEPS = 13;
/** So long people still change agents when all else is well. */
const OPERATED_STEPS = 40;
/** Long enough for every repeated call and every late one. */
const AFTERMATH_STEPS = 90;
/** A fault is thrown at one of so many statements. */
const STATEMENTS = 12;

/** The likelihoods of the steps. */
const STEP_KINDS = {
  work: 40,
  create: 4,
  act: 8,
  send: 4,
  delete: 1,
  operate: 12,
  answer: 3,
  ping: 12,
  wait: 12,
  'clock step': 1,
  cut: 4,
  'silent cut': 3,
  kill: 2,
  evict: 3,
  restart: 3,
  'injected throw': 6,
} as const;
type StepKind = keyof typeof STEP_KINDS;
const KINDS = Object.entries(STEP_KINDS).flatMap(([kind, weight]) => Array<StepKind>(weight).fill(kind as StepKind));

/**
 * Sessions, the registry, the directory and agents of one workspace in one process, on a held clock. Calls are lost,
 * late and repeated, sockets vanish, processes and hosts die, statements throw, and the clock jumps. Then all is well
 * again, and everything must come to its end.
 */
export class FleetSimulation {
  /** How often each kind of event happened. */
  readonly happened: Record<string, number> = {};
  steps = 0;
  readonly #seed: number;
  readonly #world: World;
  readonly #calls: LossyCalls;
  readonly #fleet: FleetObjects;
  readonly #agents: SimulatedAgent[];
  readonly #started = new Set<FleetSession>();
  readonly #deleted = new Set<FleetSession>();
  readonly #operators: Operators;
  readonly #queue: Queue;
  readonly #agreement: Agreement;

  constructor(seed: number) {
    this.#seed = seed;
    this.#world = new World(seed);
    const count = (what: string) => this.#count(what);
    this.#calls = new LossyCalls(this.#world, count);
    this.#fleet = new FleetObjects(this.#world, seed, this.#calls, SESSIONS);
    const parts = { world: this.#world, fleet: this.#fleet, calls: this.#calls, count };
    this.#agents = [
      new FleetHttpAgent({ id: uuidOf('http agent'), name: 'AGENT-HTTP', capacity: HTTP_CAPACITY }, parts),
      ...CAPACITIES.map(
        (capacity, index) => new FleetAgent(`AGENT-${index + 1}`, capacity, this.#world, this.#fleet, count),
      ),
    ];
    this.#operators = new Operators(this.#world, this.#fleet, count);
    this.#queue = new Queue(this.#fleet, this.#agents, count);
    this.#agreement = new Agreement(this.#fleet);
  }

  /** @throws when a law is violated, with the law, the seed and the last events */
  async run(): Promise<this> {
    try {
      for (const agent of this.#agents) agent.start();
      for (let first = 0; first < FIRST_SESSIONS; first++) await this.#create();
      while (this.steps < STEPS) {
        await this.#step(this.#world.pick(KINDS));
        this.steps += 1;
        await this.#fleet.settle();
        this.#check();
      }
      await checkLogs(this.#fleet, this.#agents, this.#violated);
      await this.#heal();
      await checkLogs(this.#fleet, this.#agents, this.#violated);
      return this;
    } finally {
      this.#fleet.close();
    }
  }

  async #step(kind: StepKind): Promise<void> {
    const world = this.#world;
    const agent = this.#anyAgent();
    const object = world.pick(this.#fleet.all);
    const session = world.pick(this.#fleet.sessions);
    this.#count(kind);
    if (kind !== 'work' && kind !== 'ping') world.note(`${kind} (${agent.name}, ${object.name}, ${session.name})`);
    switch (kind) {
      case 'work':
        // The others are slow, so that offers wait for them.
        for (const one of this.#agents) if (world.chance(0.7)) await one.tick();
        return;
      case 'ping':
        for (const one of this.#agents) await one.ping();
        return this.#advance(10_000);
      case 'create':
        return this.#create();
      case 'act':
        return this.#act(session, await this.#likelyAction(session));
      case 'send':
        return this.#send(session);
      case 'answer':
        return this.#answer(session);
      case 'delete':
        return this.#delete(session);
      case 'operate':
        return this.#operators.operate(world.pick(OPERATIONS), agent);
      case 'wait':
        return this.#advance(world.between(500, 30_000));
      case 'clock step':
        // No alarm fires meanwhile, as while a machine is suspended.
        world.now += world.between(1_000, 125_000);
        return this.#fleet.tick();
      case 'cut':
        return agent.cut(true);
      case 'silent cut':
        return agent.cut(false);
      case 'kill':
        agent.kill(world.chance(0.6));
        return void world.in(world.between(500, 60_000), () => agent.start());
      case 'evict':
        return object.evict();
      case 'restart':
        return this.#restart(object, world.chance(0.6) ? world.between(10, 2_000) : world.between(2_000, 120_000));
      case 'injected throw':
        return this.#throwIn(object, session);
    }
  }

  /** Advances the time, with all events and alarms in their order. */
  async #advance(ms: number): Promise<void> {
    const end = this.#world.now + ms;
    for (;;) {
      const alarm = this.#fleet.nextAlarm();
      const next = Math.min(alarm?.at ?? Number.POSITIVE_INFINITY, this.#world.nextAt);
      if (next > end) break;
      if (alarm && alarm.at <= this.#world.nextAt) {
        this.#world.now = Math.max(this.#world.now, alarm.at);
        this.#fleet.tick();
        alarm.object.wasFaulty = false;
        this.#fleet.fire(alarm.object);
      } else {
        const { now } = this.#world;
        this.#world.step();
        // The clock may have jumped over an event.
        this.#world.now = Math.max(now, this.#world.now);
        this.#fleet.tick();
      }
      await this.#fleet.settle();
    }
    this.#world.now = Math.max(this.#world.now, end);
    this.#fleet.tick();
  }

  /** Creates the next session with a few prompts, and starts it. */
  async #create(): Promise<void> {
    const isNew = (session: FleetSession) => !this.#started.has(session) && !this.#deleted.has(session);
    const next = this.#fleet.sessions.find(isNew);
    if (!next) return;
    const request = requested({
      ...{ max_attempts: 8, approval_timeout_seconds: 120 },
      priority: this.#world.pick(SessionPriority().options),
      max_parallel: this.#world.integer(1, 3),
      allow_rebalance: this.#world.chance(0.6),
      repository: { url: REPOSITORY_URL },
      // Else the work is balanced when it is offered, and nothing is left to move.
      preferred_agent_ids: this.#world.chance(0.8) ? [this.#agents.at(-1)!.id] : [],
    });
    await this.#ask(next, ({ runtime, call }) => runtime.create(call({ key: next.id }), next.id, request));
    if (this.#world.chance(0.4)) await this.#addTasks(next);
    else for (let more = this.#world.integer(0, 3); more > 0; more--) await this.#send(next);
    await this.#act(next, 'start');
  }

  /** A chain, or tasks that are done in parallel and then one. */
  async #addTasks(session: FleetSession): Promise<void> {
    const names = ['a', 'b', 'c', 'd'].slice(0, this.#world.integer(2, 4));
    const isChain = this.#world.chance(0.6);
    const tasks = names.map((name, index) => {
      const before = isChain
        ? names.slice(Math.max(0, index - 1), index)
        : name === names.at(-1)
          ? names.slice(0, -1)
          : [];
      return { name, title: `Task ${name}`, description: `Do ${name}`, depends_on: before };
    });
    const request = CreateGraphRequest().parse({ tasks });
    await this.#ask(session, ({ runtime, call }) => runtime.createTasks(call(), request));
  }

  async #send(session: FleetSession): Promise<void> {
    return this.#ask(session, ({ runtime, call }) => runtime.send(call(), { text: 'More', delivery: 'follow_up' }));
  }

  async #delete(session: FleetSession): Promise<void> {
    if (!this.#started.has(session)) return;
    await this.#ask(session, async ({ runtime, call }) => {
      const outcome = await runtime.remove(call());
      if (!outcome.ok) return;
      this.#count('deleted');
      this.#started.delete(session);
      this.#deleted.add(session);
    });
  }

  /** An action that is legal, most of the time. */
  async #likelyAction(target: FleetSession): Promise<SessionAction> {
    const status = isCreated(target) ? await target.session.status() : 'pending';
    const legal = ACTIONS.filter((action) => nextStatus(status, action) !== null);
    return this.#world.pick(legal.length > 0 && this.#world.chance(0.8) ? legal : ACTIONS);
  }

  async #act(session: FleetSession, action: SessionAction): Promise<void> {
    return this.#ask(session, async ({ runtime, call }) => {
      const outcome = await runtime.act(call(), requestFor(action));
      if (outcome.ok) this.#count(`act ${action}`);
      if (outcome.ok && (action === 'start' || action === 'retry')) this.#started.add(session);
    });
  }

  async #answer(session: FleetSession): Promise<void> {
    await this.#ask(session, async ({ runtime, call }) => {
      const listed = await runtime.approvals(call());
      const open = listed.ok ? listed.value.items.find(({ status }) => status === 'open') : undefined;
      if (open) await runtime.answer(call(), open.id, { decision: this.#world.pick(['once', 'reject', 'always']) });
    });
  }

  /** A person's call, which fails when the object's host is away, or when a statement throws. */
  async #ask({ session, awayUntil }: FleetSession, ask: (caller: Caller) => Promise<unknown>): Promise<void> {
    if (awayUntil > this.#world.now) return;
    const { runtime } = session;
    await ask({ runtime, call: (changes) => session.call(changes) }).catch(() => this.#count('a call threw'));
  }

  #restart(object: FleetObject, awayMs: number): void {
    object.awayUntil = this.#world.now + awayMs;
    for (const agent of this.#agents) agent.lost(object);
    object.evict();
  }

  /** One of the next statements of an object throws, during the next steps of others. */
  async #throwIn(object: FleetObject, session: FleetSession): Promise<void> {
    object.wasFaulty = true;
    object.platform.failAt(this.#world.integer(1, STATEMENTS));
    for (const one of this.#agents) await one.tick();
    await this.#act(session, await this.#likelyAction(session));
    await this.#advance(this.#world.between(100, 20_000));
    if (!object.platform.faultPending) this.#count('threw');
    object.platform.failAt(Number.POSITIVE_INFINITY);
    object.wasFaulty = true;
  }

  /** Ends all faults. People let every session run, and agents work until all have ended. */
  async #heal(): Promise<void> {
    this.#world.note('all is well again');
    this.#calls.rate = 0;
    for (const agent of this.#agents) agent.mayRefuse = false;
    // Late calls arrive, and hosts return.
    for (let step = 0; step < RETURN_STEPS; step++) await this.#workOn();
    for (let step = 0; step < OPERATED_STEPS; step++) {
      if (this.#world.chance(0.3)) await this.#operators.operate(this.#world.pick(OPERATIONS), this.#anyAgent());
      await this.#operators.operate('rebalance', this.#anyAgent());
      await this.#calmStep();
    }
    for (const agent of this.#agents) await this.#operators.operate('resume', agent);
    for (let step = 0; ; step++) {
      await this.#calmStep();
      const waiting = await this.#unfinished();
      if (waiting.length === 0) break;
      if (step > CALM_STEPS) this.#violated('an_end', waiting.join(', '));
      // Every process may have refused a session. The next ones have what those lacked.
      if (step % RESTART_STEPS === RESTART_STEPS - 1) for (const agent of this.#agents) agent.kill(true);
    }
    for (let step = 0; step < AFTERMATH_STEPS; step++) await this.#calmStep();
    await this.#measure();
    await checkEnd(this.#fleet, this.#agents, this.#violated);
  }

  /** Counts what the laws have compared. */
  async #measure(): Promise<void> {
    if (this.#agreement.agreed > 0) this.#count('agreed');
    if (this.#agents.some(({ past }) => past.some(({ refused }) => refused > 0))) this.#count('stale');
    for (const { session } of this.#fleet.sessions.filter(isCreated)) {
      for (const event of await session.events()) {
        if (event.type === 'lease.ended') this.#count(`ended by ${event.data.reason}`);
      }
    }
  }

  async #calmStep(): Promise<void> {
    await this.#workOn();
    checkCalm(this.#queue, this.#agreement, this.#violated);
  }

  /** All agents run and work, and time passes. */
  async #workOn(): Promise<void> {
    for (const agent of this.#agents) {
      agent.start();
      await agent.ping();
      await agent.tick();
    }
    await this.#fleet.settle();
    await this.#advance(CALM_STEP_MS);
    this.#check();
  }

  #anyAgent(): SimulatedAgent {
    return this.#world.pick(this.#agents);
  }

  /** The sessions that were started and have not ended. A person resumes those that are held. */
  async #unfinished(): Promise<string[]> {
    const waiting: string[] = [];
    for (const target of this.#started) {
      const status: SessionStatus = await target.session.status();
      if (status === 'paused') await this.#act(target, 'resume');
      if (status === 'stopped') await this.#act(target, 'retry');
      const isOver = hasEnded(status) && status !== 'stopped';
      if (!isOver) waiting.push(`${target.name} is ${status}`);
      else if (nextStatus(status, 'retry') === null) this.#count(`ended ${status}`);
    }
    return waiting;
  }

  #check(): void {
    checkStep(this.#fleet, this.#queue, this.#violated);
  }

  #count(what: string): void {
    this.happened[what] = (this.happened[what] ?? 0) + 1;
  }

  readonly #violated = (law: Law, details: string): never => {
    const trace = this.#world.trace.slice(-TRACE_LINES).join('\n');
    const again = `TEST_SEED=${this.#seed} npx vitest run --project simulation test/simulation/fleet.test.ts`;
    throw new Error(
      `The law "${LAWS[law]}" is violated after ${this.steps} steps: ${details}\n${trace}\nAgain: ${again}`,
    );
  };
}
