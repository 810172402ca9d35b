import type { SqlRow, SqlValue } from '../../durable-objects/kit/platform/platform.ts';
import type { FakeClient } from '../support/fake-socket.ts';
import { NodePlatform } from '../support/node-platform.ts';

/** The writes of a step in one object. Only rows of tables are counted, and no rows of indexes or alarms. */
export interface Writes {
  rows: number;
  /** Includes reads. */
  statements: number;
  transactions: number;
  alarms: number;
}

/** Frames by the first word of their socket's tag: `up` to the object, `down` from it. */
export type Frames = Record<string, { up: number; down: number }>;

/** A platform that counts its writes and the frames of its sockets. */
export class CountingPlatform extends NodePlatform {
  readonly frames: Frames;
  #statements = 0;
  #transactions = 0;
  #alarms = 0;

  constructor(frames: Frames = {}) {
    super();
    this.frames = frames;
  }

  get writes(): Writes {
    const [row] = super.exec('SELECT total_changes() AS rows', []);
    return {
      rows: Number(row?.rows),
      statements: this.#statements,
      transactions: this.#transactions,
      alarms: this.#alarms,
    };
  }

  override exec(query: string, bindings: SqlValue[]): SqlRow[] {
    this.#statements++;
    return super.exec(query, bindings);
  }

  override transaction<T>(body: () => T): T {
    const value = super.transaction(body);
    this.#transactions++;
    return value;
  }

  override setAlarm(at: number | null): void {
    super.setAlarm(at);
    this.#alarms++;
  }

  override connect(tags: readonly string[], attachment: unknown): FakeClient {
    const client = super.connect(tags, attachment);
    const [kind = ''] = (tags[0] ?? '').split(':');
    this.frames[kind] ??= { up: 0, down: 0 };
    const counted = this.frames[kind];
    const { socket } = client;
    const down = socket.send.bind(socket);
    const up = client.send.bind(client);
    socket.send = (frame) => {
      counted.down++;
      down(frame);
    };
    client.send = (frame) => {
      counted.up++;
      up(frame);
    };
    return client;
  }
}
