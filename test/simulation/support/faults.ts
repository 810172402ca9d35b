import { hasEnded } from '../../../src/domain/session/session-machine.ts';
import type { AgentHost } from './agent-host.ts';
import type { Network } from './network.ts';
import type { SessionHost } from './session-host.ts';
import type { World } from './world.ts';

const MAX_PAUSE_MS = 12_000;
/** Each kill and each silence may use one of the session's attempts. */
const MAX_KILLS = 4;
const MAX_MESSAGES = 5;

/** Injects faults at random times until it is stopped. */
export class Faults {
  /** How often each kind of fault happened. */
  readonly counts: Record<string, number> = {};
  readonly #world: World;
  readonly #session: SessionHost;
  readonly #network: Network;
  readonly #hosts: readonly AgentHost[];
  #isOver = false;

  constructor(world: World, session: SessionHost, network: Network, hosts: readonly AgentHost[]) {
    this.#world = world;
    this.#session = session;
    this.#network = network;
    this.#hosts = hosts;
  }

  begin(): void {
    this.#later();
  }

  /** Ends all faults: hosts run and reach the session. */
  end(): void {
    this.#world.note('the faults are over');
    this.#isOver = true;
    this.#network.faultRate = 0;
    for (const host of this.#hosts) {
      this.#network.heal(host.name);
      host.start();
    }
  }

  #later(): void {
    this.#world.in(this.#world.between(500, MAX_PAUSE_MS), () => {
      if (this.#isOver) return;
      const kind = this.#world.pick(KINDS);
      if (this.#inject(kind)) this.counts[kind] = (this.counts[kind] ?? 0) + 1;
      this.#later();
    });
  }

  /** @returns whether the fault was possible */
  #inject(kind: Kind): boolean {
    const world = this.#world;
    const host = world.pick(this.#hosts);
    switch (kind) {
      case 'cut': {
        world.note(`the connections of ${host.name} are cut`);
        const hears = () => world.chance(0.7);
        this.#network.cut(
          (link) => link.host === host.name,
          () => ({ agentHears: hears(), sessionHears: hears() }),
        );
        return true;
      }
      case 'partition':
        world.note(`${host.name} reaches nobody`);
        this.#network.partition(host.name);
        world.in(world.between(1_000, 100_000), () => this.#network.heal(host.name));
        return true;
      case 'kill':
        if (!host.isRunning || (this.counts.kill ?? 0) >= MAX_KILLS) return false;
        host.kill();
        world.in(world.between(200, 60_000), () => host.start());
        return true;
      case 'freeze':
        host.freeze(world.between(1_000, 100_000));
        return true;
      case 'restart': {
        if (this.#session.isAway) return false;
        const awayMs = world.chance(0.5) ? world.between(50, 2_000) : world.between(2_000, 150_000);
        world.note(`the session's host is away for ${Math.round(awayMs)} ms`);
        this.#session.restart(awayMs);
        this.#network.cut(
          () => true,
          () => ({ agentHears: world.chance(0.8), sessionHears: false }),
        );
        return true;
      }
      case 'message':
        if (this.#session.isAway || (this.counts.message ?? 0) >= MAX_MESSAGES) return false;
        world.note('a person sends a message');
        void this.#session.send();
        return true;
      case 'pause':
        if (this.#session.isAway) return false;
        world.note('a person pauses the session');
        void this.#session.session.tryTo('pause');
        this.#resumeLater();
        return true;
    }
  }

  /** Resumes the session as soon as that is possible, because an agent may not have confirmed a pause yet. */
  #resumeLater(): void {
    this.#world.in(this.#world.between(1_000, 60_000), async () => {
      if (this.#session.isAway) return this.#resumeLater();
      this.#world.note('a person resumes the session');
      const outcome = await this.#session.session.tryTo('resume');
      if (!outcome.ok && !hasEnded(await this.#session.session.status())) this.#resumeLater();
    });
  }
}

const KINDS = ['cut', 'cut', 'partition', 'kill', 'kill', 'freeze', 'restart', 'message', 'message', 'pause'] as const;
type Kind = (typeof KINDS)[number];
