import type { Connection, ConnectionEvents, OpenConnection } from '../../../runner/lease/connection.ts';
import { PONG } from '../../../src/protocol/common/socket.ts';
import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import type { SessionHost } from './session-host.ts';
import type { ProcessClock, World } from './world.ts';

/** Well within what a lease leaves of time between its holder's last word and its end. */
const MAX_LATENCY_MS = 3_000;
/** After so long the session's side notices that a connection is dead whose end nobody told it. */
const KEEPALIVE_MS = 120_000;

/** The code of a connection that broke. */
const ABNORMAL = 1006;

/** Who may be told that a connection breaks. */
export interface Cut {
  agentHears: boolean;
  sessionHears: boolean;
}

/** The connections between the agents' processes and the session: slow, cut at any byte, and silent about it at times. */
export class Network {
  /** Hosts that reach nobody. */
  readonly #partitioned = new Set<string>();
  /** What goes wrong by itself: 0 for nothing, 1 for as much as there is. */
  trouble = 1;
  readonly world: World;
  readonly session: SessionHost;
  readonly #links = new Set<Link>();

  /** Hears everything that the session says, as it says it. */
  readonly #overhear: (epoch: number, message: RunDown) => void;

  constructor(world: World, session: SessionHost, overhear: (epoch: number, message: RunDown) => void) {
    this.world = world;
    this.session = session;
    this.#overhear = overhear;
  }

  /** How a process on a host opens connections. */
  from(host: string, clock: ProcessClock): OpenConnection {
    return (path, events) => {
      const link = new Link(this, host, clock, events, Number(path.split('/').at(-1)));
      this.#links.add(link);
      return link;
    };
  }

  latency(): number {
    const { world } = this;
    return this.trouble > 0 && world.chance(0.05) ? world.between(100, MAX_LATENCY_MS) : world.between(1, 50);
  }

  reaches(host: string): boolean {
    return !this.session.isAway && !this.#partitioned.has(host);
  }

  /** Cuts a host off. Nobody hears of it; what is on its way is lost. */
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

  /** Takes what the session has said since the last time, and sends it on its way. */
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

/** One connection. In each direction messages arrive in order or not at all. */
export class Link implements Connection {
  readonly host: string;
  readonly epoch: number;
  readonly #network: Network;
  readonly #clock: ProcessClock;
  readonly #events: ConnectionEvents;
  #client: FakeClient | null = null;
  #isOpen = false;
  /** The session has closed its end; what the agent has sent before it hears so still arrives. */
  #isClosing = false;
  /** Bytes until it breaks by itself, in the middle of a message. */
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
    this.#bytesLeft = world.chance(0.3 * network.trouble) ? world.between(10, 40_000) : Number.POSITIVE_INFINITY;
    world.in(network.latency(), () => this.#establish());
  }

  #establish(): void {
    if (!this.#network.reaches(this.host)) {
      // Refused; else nobody says anything, and the agent must give up by itself.
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
    const times = world.chance(0.02 * this.#network.trouble) ? 2 : 1;
    this.#upAt = Math.max(this.#upAt, world.now + this.#network.latency());
    world.in(this.#upAt - world.now, () => {
      for (let time = 0; time < times; time++) this.#arrive(text);
    });
  }

  /** The agent closes its end: what it has sent before still arrives. */
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

  /** Breaks it: what is on its way is lost. */
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

  /** Whether a whole message fits through before the connection breaks. */
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

  #toAgent(happening: () => void): void {
    const { world } = this.#network;
    this.#downAt = Math.max(this.#downAt, world.now + this.#network.latency());
    world.in(this.#downAt - world.now, () => {
      if (this.#isOpen) this.#clock.run(happening);
    });
  }
}
