import { LogFollower } from '../../../src/client/resume.ts';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import type { SessionInProcess } from './harness.ts';

/** Follows the log over as many connections as the test opens. */
export class FakeWatcher {
  readonly follower = new LogFollower();
  readonly events: SessionEvent[] = [];
  /** Why a connection could not be used any more. */
  readonly faults: string[] = [];
  client: FakeClient | null = null;
  live = false;
  readonly #session: SessionInProcess;

  constructor(session: SessionInProcess) {
    this.#session = session;
  }

  connect(): this {
    this.follower.connect();
    this.live = false;
    this.client = this.#session.openWatch(this.follower.cursor);
    return this;
  }

  /** Handles at most `frames` arrived frames, and replies. @returns whether any had arrived */
  read(frames = Number.POSITIVE_INFINITY): boolean {
    const { client } = this;
    let taken = 0;
    while (client && taken < frames) {
      const text = client.received.shift();
      if (text === undefined) break;
      taken++;
      const step = this.follower.receive(text);
      if (!step.ok) {
        this.faults.push(step.detail);
        client.close();
        this.client = null;
        break;
      }
      if (step.reset) this.events.length = 0;
      this.events.push(...step.events);
      this.live = step.live;
      for (const reply of step.replies) client.send(reply);
    }
    return taken > 0;
  }

  /** Handles all arrived frames. */
  catchUp(): this {
    while (this.read());
    return this;
  }
}
