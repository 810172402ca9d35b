import type { Connection, ConnectionEvents, OpenConnection } from '../../../runner/lease/connection.ts';
import { PONG } from '../../../src/protocol/common/socket.ts';
import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import type { SessionHost } from './session-host.ts';
import type { ProcessClock, World } from './world.ts';

/** Much shorter than the time between an agent's last frame and the end of its lease. */
const MAX_LATENCY_MS = 3_000;
/** After this time, the session's side notices a dead connection that was never closed. */
const KEEPALIVE_MS = 120_000;

/** The code of a connection that broke. */
const ABNORMAL = 1006;

/** The sides that may learn that a connection breaks. */
export interface Cut {
  agentHears: boolean;
  sessionHears: boolean;
}

/**
 * The connections between the agents' processes and the session: slow, cut at any byte, and sometimes without notice.
 */
export class Network {
  /** The hosts that are cut off. */
  readonly #partitioned = new Set<string>();
  /** The rate of random faults, from 0 (none) to 1. */
  faultRate = 1;
  readonly world: World;
  readonly session: SessionHost;
  readonly #links = new Set<Link>();

  /** Called with each message of the session when it is sent. */
  readonly #overhear: (epoch: number, message: RunDown) => void;

  constructor(world: World, session: SessionHost, overhear: (epoch: number, message: RunDown) => void) {
    this.world = world;
    this.session = session;
    this.#overhear = overhear;
  }

  /** Opens the connections of a process on a host. */
  from(host: string, clock: ProcessClock): OpenConnection {
    return (path, events) => {
      const link = new Link(this, host, clock, events, Number(path.split('/').at(-1)));
      this.#links.add(link);
      return link;
    };
  }

  latency(): number {
    const { world } = this;
    return this.faultRate > 0 && world.chance(0.05) ? world.between(100, MAX_LATENCY_MS) : world.between(1, 50);
  }

  reaches(host: string): boolean {
    return !this.session.isAway && !this.#partitioned.has(host);
  }

  /** Cuts a host off. No side is notified, and messages in transit are lost. */
  partition(host: string): void {
    this.#partitioned.add(host);
    this.cut(
      (link) => link.host === host,
      () => ({ agentHears: false, sessionHears: false }),
    );
  }

  heal(host: string): void {
    this.#partitioned.delete(host);
  }

  /** Takes the session's new messages and sends them. */
  pump(): void {
    for (const link of this.#links) link.pump();
  }

  overhear(epoch: number, text: string): void {
    if (text !== PONG) this.#overhear(epoch, JSON.parse(text) as RunDown);
  }

  forget(link: Link): void {
    this.#links.delete(link);
  }

  /** Breaks the connections that `which` chooses. */
  cut(which: (link: Link) => boolean, how: () => Cut): void {
    for (const link of [...this.#links]) if (which(link)) link.cut(how());
  }
}

/** One connection. In each direction, messages arrive in order or not at all. */
export class Link implements Connection {
  readonly host: string;
  readonly epoch: number;
  readonly #network: Network;
  readonly #clock: ProcessClock;
  readonly #events: ConnectionEvents;
  #client: FakeClient | null = null;
  #isOpen = false;
  /** The session has closed its side. Messages that the agent sends before it learns this still arrive. */
  #isClosing = false;
  /** The number of bytes until it breaks, in the middle of a message. */
  #bytesLeft: number;
  #upAt = 0;
  #downAt = 0;

  constructor(network: Network, host: string, clock: ProcessClock, events: ConnectionEvents, epoch: number) {
    const { world } = network;
    this.#network = network;
    this.host = host;
    this.#clock = clock;
    this.#events = events;
    this.epoch = epoch;
    this.#bytesLeft = world.chance(0.3 * network.faultRate) ? world.between(10, 40_000) : Number.POSITIVE_INFINITY;
    world.in(network.latency(), () => this.#establish());
  }

  #establish(): void {
    if (!this.#network.reaches(this.host)) {
      // The connection is refused, or gets no response at all, so that the agent must time out.
      if (this.#network.world.chance(0.7)) this.#clock.run(() => this.#events.closed('refused'));
      this.#network.forget(this);
      return;
    }
    this.#isOpen = true;
    this.#client = this.#network.session.openRun(this.epoch);
    this.#toAgent(() => this.#events.opened());
  }

  send(text: string): void {
    if (!this.#isOpen || this.#clock.isDead || !this.#carries(text)) return;
    const { world } = this.#network;
    const times = world.chance(0.02 * this.#network.faultRate) ? 2 : 1;
    this.#upAt = Math.max(this.#upAt, world.now + this.#network.latency());
    world.in(this.#upAt - world.now, () => {
      for (let time = 0; time < times; time++) this.#arrive(text);
    });
  }

  /** The agent closes its side. Its earlier messages still arrive. */
  close(): void {
    if (!this.#isOpen || this.#clock.isDead) return;
    const { world } = this.#network;
    this.#upAt = Math.max(this.#upAt, world.now + this.#network.latency());
    world.in(this.#upAt - world.now, () => {
      if (this.#isOpen) this.#client?.close();
      this.#end();
    });
  }

  pump(): void {
    const client = this.#client;
    if (!client) return;
    for (const text of client.received.splice(0)) {
      this.#network.overhear(this.epoch, text);
      if (this.#isOpen && this.#carries(text)) this.#toAgent(() => this.#events.received(text));
    }
    if (!client.closedBy || !this.#isOpen || this.#isClosing) return;
    this.#isClosing = true;
    const { code, reason } = client.closedBy;
    this.#toAgent(() => {
      this.#events.closed(reason || `closed with code ${code}`);
      this.#end();
    });
  }

  /** Breaks the connection. Messages in transit are lost. */
  cut({ agentHears, sessionHears }: Cut): void {
    if (!this.#isOpen) return;
    const { world } = this.#network;
    const client = this.#client;
    this.#end();
    if (agentHears) world.in(this.#network.latency(), () => this.#clock.run(() => this.#events.closed('cut')));
    world.in(sessionHears ? this.#network.latency() : KEEPALIVE_MS, () => client?.close(ABNORMAL));
  }

  #end(): void {
    this.#isOpen = false;
    this.#client = null;
    this.#network.forget(this);
  }

  /** Whether a message arrives completely before the connection breaks. */
  #carries(text: string): boolean {
    this.#bytesLeft -= text.length;
    if (this.#bytesLeft >= 0) return true;
    const { world } = this.#network;
    this.cut({ agentHears: world.chance(0.7), sessionHears: world.chance(0.7) });
    return false;
  }

  #arrive(text: string): void {
    const client = this.#client;
    if (!this.#isOpen || !client) return;
    this.#network.session.arrive(client, this.epoch, text);
  }

  #toAgent(event: () => void): void {
    const { world } = this.#network;
    this.#downAt = Math.max(this.#downAt, world.now + this.#network.latency());
    world.in(this.#downAt - world.now, () => {
      if (this.#isOpen) this.#clock.run(event);
    });
  }
}
