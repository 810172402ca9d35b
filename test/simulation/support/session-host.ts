import { PING, PONG } from '../../../src/protocol/common/socket.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { SessionInProcess } from '../../unit/session/harness.ts';
import type { World } from './world.ts';

/** The host of a session's object: the real runtime on the true clock. The host may be down. */
export class SessionHost {
  readonly session: SessionInProcess;
  /** The messages that the session has accepted, including its first prompt. */
  messages = 1;
  /** The times at which the host was down, on the object's clock (ms). */
  readonly absences: { from: number; to: number }[] = [];
  /** By epoch: the times at which the object saw its agent (ms). */
  readonly heardAt = new Map<number, number[]>();
  readonly #world: World;
  readonly #beginsAt: number;
  #isAway = false;

  /** @param evictBetweenSteps whether the object loses its memory before each step, as after an eviction */
  constructor(world: World, seed: number, evictBetweenSteps: boolean) {
    this.#world = world;
    const platform = new NodePlatform({ seed });
    this.#beginsAt = platform.clock;
    this.session = new SessionInProcess({ platform, evictBetweenSteps });
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** The true time of the object's next alarm. */
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

  /** A message of an agent arrives on its socket, even if the object has closed the socket meanwhile. */
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

  /** The host dies with its sockets and returns after `awayMs`. Due alarms wait for it. */
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
