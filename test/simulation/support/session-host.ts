import { PING, PONG } from '../../../src/protocol/common/socket.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { SessionInProcess } from '../../unit/session/harness.ts';
import type { World } from './world.ts';

/** The host of a session's object: the real runtime, whose clock is the true time, and which may be away. */
export class SessionHost {
  readonly session: SessionInProcess;
  /** Messages that the session has accepted, its first prompt included. */
  messages = 1;
  /** When the host was away, in the object's own time (ms). */
  readonly absences: { from: number; to: number }[] = [];
  /** By epoch: when the object heard of its agent (ms). */
  readonly heardAt = new Map<number, number[]>();
  readonly #world: World;
  readonly #beginsAt: number;
  #isAway = false;

  /** @param evictBetweenSteps the object forgets its memory before each step, as if it had slept */
  constructor(world: World, seed: number, evictBetweenSteps: boolean) {
    this.#world = world;
    const platform = new NodePlatform({ seed });
    this.#beginsAt = platform.clock;
    this.session = new SessionInProcess({ platform, evictBetweenSteps });
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** When the object's alarm goes off next, in true time. */
  get alarmAt(): number {
    const { alarm } = this.session.platform;
    return alarm === null || this.#isAway ? Number.POSITIVE_INFINITY : alarm - this.#beginsAt;
  }

  tick(): void {
    this.session.platform.clock = this.#beginsAt + this.#world.now;
  }

  fireAlarm(): void {
    this.#world.now = Math.max(this.#world.now, this.alarmAt);
    this.tick();
    this.session.platform.fireAlarm(() => this.session.runtime.alarm());
  }

  /** A person sends a message. */
  async send(): Promise<void> {
    const outcome = await this.session.runtime.send(this.session.call(), { text: 'More', delivery: 'follow_up' });
    if (outcome.ok) this.messages += 1;
  }

  openRun(epoch: number): FakeClient {
    return this.session.openRun(epoch);
  }

  /** A message of an agent arrives on its socket, even when the object has closed that while it was on its way. */
  arrive(client: FakeClient, epoch: number, text: string): void {
    if (client.closedBy) {
      if (text !== PING) this.session.platform.events?.message(client.socket, text);
      return;
    }
    const times = this.heardAt.get(epoch) ?? [];
    times.push(this.session.platform.clock);
    this.heardAt.set(epoch, times);
    if (text !== PING) return client.send(text);
    client.ping();
    client.received.push(PONG);
  }

  /** The host dies with its sockets and comes back after so long; alarms that were due wait for it. */
  restart(awayMs: number): void {
    this.#isAway = true;
    const from = this.session.platform.clock;
    this.absences.push({ from, to: from + awayMs });
    this.session.restart(0);
    this.#world.in(awayMs, () => {
      this.#isAway = false;
    });
  }

  close(): void {
    this.session.platform.close();
  }
}
