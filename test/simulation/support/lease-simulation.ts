import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasEnded } from '../../../src/domain/session/session-machine.ts';
import type { SessionStatus } from '../../../src/protocol/common/enums.ts';
import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import { TASK_ID } from '../../unit/session/harness.ts';
import { AgentHost } from './agent-host.ts';
import { Faults } from './faults.ts';
import { checkLaws, LAWS, type Law } from './laws.ts';
import { type LeaseRecord, Ledger } from './ledger.ts';
import { Network } from './network.ts';
import { SessionHost } from './session-host.ts';
import { World } from './world.ts';

/** How long faults happen, and how long the session then has to end. */
const TROUBLE_MS = 240_000;
const REST_MS = 3_600_000;
const AFTERMATH_MS = 300_000;
/** The registry offers an epoch again if no agent has claimed it. */
const OFFER_AGAIN_MS = 20_000;
const TRACE_LINES = 40;
/** Enough to keep the agents busy while faults happen. */
const MESSAGES = 8;
/** Far more than any run needs. */
const STEPS_MAX = 50_000;

export interface Outcome {
  status: SessionStatus;
  /** How often each kind of event happened. */
  happened: Record<string, number>;
}

/**
 * Runs the agent's side of leases (`LeaseStream`, `FrameBuffer`, and the delivery of a killed process's frames) against
 * the session's runtime. Networks break, processes are killed and frozen, hosts restart, and clocks are wrong. After a
 * while all faults stop, and the session must end.
 */
export class LeaseSimulation {
  readonly #seed: number;
  readonly #world: World;
  readonly #sessionHost: SessionHost;
  readonly #network: Network;
  readonly #ledger: Ledger;
  readonly #hosts: AgentHost[];
  readonly #faults: Faults;
  readonly #disk = mkdtempSync(join(tmpdir(), 'oio-lease-'));
  readonly #offered = new Set<number>();
  #isToBeChecked = true;

  constructor(seed: number) {
    this.#seed = seed;
    const world = new World(seed);
    this.#world = world;
    this.#ledger = new Ledger(world);
    this.#sessionHost = new SessionHost(world, seed, world.chance(0.3));
    this.#network = new Network(world, this.#sessionHost, (epoch, message) => this.#overhear(epoch, message));
    this.#hosts = ['AGENT-A', 'AGENT-B'].map((name) => new AgentHost(name, this.#network, this.#ledger, this.#disk));
    this.#faults = new Faults(world, this.#sessionHost, this.#network, this.#hosts);
  }

  /** @throws when a law is violated, with the law, the seed and the last events */
  async run(): Promise<Outcome> {
    try {
      const { session } = this.#sessionHost;
      await session.create({ max_attempts: 10, max_duration_seconds: 86_400 });
      while (this.#sessionHost.messages < MESSAGES) await this.#sessionHost.send();
      await session.act('start');
      for (const host of this.#hosts) host.start();
      this.#faults.begin();
      await this.#until(TROUBLE_MS, false);
      this.#faults.end();
      const status = await this.#until(this.#world.now + REST_MS, true);
      if (!hasEnded(status)) this.#violated('an_end', `an hour after the last fault the session is ${status}`);
      await this.#until(this.#world.now + AFTERMATH_MS, false);
      const left = this.#hosts.flatMap(({ buffers }) => buffers);
      if (left.length > 0) this.#violated('an_end', `there are buffers left: ${left.join(' ')}`);
      return { status, happened: { ...this.#faults.counts, ...(await this.#happened()) } };
    } finally {
      for (const host of this.#hosts) host.kill();
      this.#sessionHost.close();
      rmSync(this.#disk, { recursive: true, force: true });
    }
  }

  /** Runs events until the given time or, on request, until the session has ended. */
  async #until(end: number, orEnded: boolean): Promise<SessionStatus> {
    const host = this.#sessionHost;
    const { session } = host;
    for (let steps = 0; ; steps++) {
      if (steps > STEPS_MAX) this.#violated('an_end', `after ${STEPS_MAX} steps things still go on`);
      await session.settle();
      // Lets promises of commands settle.
      for (let turn = 0; turn < 4; turn++) await null;
      this.#network.pump();
      this.#offer();
      const next = Math.min(host.alarmAt, this.#world.nextAt);
      const isOver = next > end;
      if (isOver || this.#isToBeChecked) {
        const status = await this.#check();
        if (isOver || (orEnded && hasEnded(status))) return status;
      }
      if (host.alarmAt <= this.#world.nextAt) host.fireAlarm();
      else this.#world.step();
      host.tick();
    }
  }

  /** A check reads the whole log, so it follows only some steps. */
  async #check(): Promise<SessionStatus> {
    this.#isToBeChecked = false;
    const { session } = this.#sessionHost;
    const { messages, absences, heardAt } = this.#sessionHost;
    const truth = { ledger: this.#ledger, messages, absences, heardAt };
    checkLaws(await session.events(), truth, (law, details) => this.#violated(law, details));
    return session.status();
  }

  async #happened(): Promise<Record<string, number>> {
    const events = await this.#sessionHost.session.events();
    const { records } = this.#ledger;
    const granted = records.filter(({ isGranted }) => isGranted);
    const count = (is: (record: LeaseRecord) => boolean) => granted.filter(is).length;
    return {
      granted: granted.length,
      lost: events.filter(({ type, data }) => type === 'lease.ended' && data.reason === 'agent_silent').length,
      'taken over': count(({ firstMessage }) => firstMessage > 1),
      'delivered later': count(({ isDead, end }) => isDead && end === 'ended'),
      quiet: count(({ wasQuiet }) => wasQuiet),
      extended: events.filter(({ type }) => type === 'lease.extended').length,
      refused: this.#sessionHost.session.rows('refusals').length,
    };
  }

  #overhear(epoch: number, message: RunDown): void {
    if (message.type === 'ack') this.#ledger.acknowledge(epoch, message.n);
    else if (message.type === 'expected') this.#ledger.acknowledge(epoch, message.n - 1);
    else if (message.type === 'lease') this.#ledger.acknowledge(epoch, message.acked);
    this.#isToBeChecked ||= message.type !== 'ack' || this.#world.now % 8 < 1;
  }

  /** Plays the registry: offers each reserved epoch to an agent, and again if no agent has claimed it. */
  #offer(): void {
    for (const { epoch } of this.#sessionHost.session.destinations.requests) {
      if (this.#offered.has(epoch)) continue;
      this.#offered.add(epoch);
      this.#offerLater(epoch, this.#world.between(50, 3_000));
    }
  }

  #offerLater(epoch: number, ms: number): void {
    this.#world.in(ms, () => {
      const isWanted = this.#sessionHost.session.destinations.slots.get(`${TASK_ID}:${epoch}`) === 'reserved';
      if (!isWanted || this.#ledger.isGranted(epoch)) return;
      const takers = this.#hosts.filter((host) => host.takes(epoch));
      const { session } = this.#sessionHost;
      if (takers.length > 0) this.#world.pick(takers).offer(epoch, (agent) => session.proofFor(epoch, agent));
      this.#offerLater(epoch, takers.length > 0 ? OFFER_AGAIN_MS : 1_000);
    });
  }

  #violated(law: Law, details: string): never {
    const trace = this.#world.trace.slice(-TRACE_LINES).join('\n');
    throw new Error(`The law "${LAWS[law]}" is violated: ${details} (seed ${this.#seed}).\n${trace}`);
  }
}
