import { randomUUID } from 'node:crypto';
import type { Connection } from '../../runner/lease/connection.ts';
import type { AgentHello, ControlDown, ControlUp } from '../../src/protocol/agent/control-socket.ts';
import { PING, PONG } from '../../src/protocol/common/socket.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { RunDown, RunUp } from '../../src/protocol/run/run-socket.ts';
import { openSocket } from './sockets.ts';

export type Offer = Extract<ControlDown, { type: 'offer' }>;
type Key = Pick<Offer, 'task_id' | 'epoch'>;

const NAME = 'AGENT-INSTANT';
/** The interval of an agent's pings. */
export const PING_MS = 15_000;
const REPOSITORY = 'b'.repeat(40);
/** The highest capacity of an agent. */
const CAPACITY = 50;

/** An agent with real sockets that finishes all work at once, so that only the control plane is measured. */
export class InstantAgent {
  readonly #id = randomUUID();
  readonly #instanceId = randomUUID();
  readonly #url: string;
  readonly #token: string;
  readonly #expected = new Map<string, (offer: Offer) => void>();
  readonly #welcomed = Promise.withResolvers<void>();
  #control: Connection | null = null;
  /** Shows that the agent is there. */
  readonly #pings = setInterval(() => this.#control?.send(PING), PING_MS).unref();

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Registers an agent. Resolves when the registry has accepted it. */
  static async connect(url: string, token: string): Promise<InstantAgent> {
    const agent = new InstantAgent(url, token);
    const path = `/ws/agents/${agent.#id}/control`;
    const fail = (error: Error) => agent.#welcomed.reject(error);
    agent.#control = await openSocket(url, path, token, (text) => agent.#received(text), fail);
    agent.#say(agent.#hello());
    await agent.#welcomed.promise;
    return agent;
  }

  /** Resolves when a task of the session is offered. Call it before the session is started. */
  offerOf(session: string): Promise<Offer> {
    return new Promise((resolve) => this.#expected.set(session, resolve));
  }

  /** Opens the run socket for an offer and claims the lease. Resolves when the lease is granted. */
  async accept({ task_id, epoch, proof }: Offer): Promise<LeaseConnection> {
    const connection = await LeaseConnection.open(
      this.#url,
      this.#token,
      { task_id, epoch },
      {
        type: 'present',
        agent_id: this.#id,
        agent_name: NAME,
        instance_id: this.#instanceId,
        stream_id: randomUUID(),
        head: 0,
        repository: REPOSITORY,
        proof,
      },
    );
    this.#say({ type: 'accepted', task_id, epoch });
    return connection;
  }

  /** Frees the slot of a lease that has ended. */
  end({ task_id, epoch }: Key): void {
    this.#say({ type: 'ended', task_id, epoch });
  }

  close(): void {
    clearInterval(this.#pings);
    this.#control?.close();
  }

  #hello(): AgentHello {
    return {
      type: 'hello',
      name: NAME,
      instance_id: this.#instanceId,
      capacity: CAPACITY,
      capabilities: [],
      labels: [],
      remotes: [],
      repository: REPOSITORY,
      model: null,
      version: 'bench',
      leases: [],
    };
  }

  #received(text: string): void {
    if (text === PONG) return;
    const frame = JSON.parse(text) as ControlDown;
    if (frame.type === 'welcome') this.#welcomed.resolve();
    else if (frame.type === 'offer') this.#expected.get(frame.session_id)?.(frame);
  }

  #say(frame: ControlUp): void {
    this.#control?.send(JSON.stringify(frame));
  }
}

/** The agent's side of one lease. It stores nothing on disk and sends nothing again. */
export class LeaseConnection {
  readonly #granted = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #connection: Connection | null = null;
  #head = 0;
  #offset = 0;
  #sent: { n: number; resolve: () => void; reject: (error: Error) => void }[] = [];

  private constructor() {
    // A failure rejects only the calls that wait for the end.
    this.#ended.promise.catch(() => undefined);
  }

  static async open(
    url: string,
    token: string,
    { task_id, epoch }: Key,
    present: Extract<RunUp, { type: 'present' }>,
  ): Promise<LeaseConnection> {
    const lease = new LeaseConnection();
    const path = `/ws/leases/${task_id}/${epoch}`;
    const received = (text: string) => lease.#received(JSON.parse(text));
    lease.#connection = await openSocket(url, path, token, received, (error) => lease.#fail(error));
    lease.#say(present);
    await lease.#granted.promise;
    return lease;
  }

  /** Sends the next `count` increments of text as one batch. Resolves when the session has stored them. */
  sendDeltas(count: number): Promise<void> {
    return this.send(Array.from({ length: count }, () => this.#delta()));
  }

  /** Sends the result. Resolves when it is stored, and the lease and the session have ended. */
  async finish(): Promise<void> {
    const data = { status: 'completed', text: 'Done.', messages_done: 1, error: null } as const;
    this.send([{ type: 'result', data }]).catch(() => undefined);
    await this.#ended.promise;
    this.#connection?.close();
  }

  #delta(): AgentFrameBody {
    const text = 'so the next thing to look at is ';
    const offset = this.#offset;
    this.#offset += text.length;
    return { type: 'text.delta', data: { message_id: 'msg_bench', part_id: 'prt_bench', offset, text } };
  }

  /** Sends frames as one batch. Resolves when the session has stored them. */
  send(bodies: AgentFrameBody[]): Promise<void> {
    const frames = bodies.map((body) => ({ n: ++this.#head, ...body }));
    return new Promise((resolve, reject) => {
      this.#sent.push({ n: this.#head, resolve, reject });
      this.#say({ type: 'frames', frames });
    });
  }

  #received(frame: RunDown): void {
    if (frame.type === 'lease') this.#granted.resolve();
    else if (frame.type === 'command') this.#say({ type: 'command_ack', id: frame.id });
    else if (frame.type === 'ended') this.#ended.resolve();
    else if (frame.type === 'ack') {
      for (const { resolve } of this.#sent.filter(({ n }) => n <= frame.n)) resolve();
      this.#sent = this.#sent.filter(({ n }) => n > frame.n);
    } else this.#fail(new Error(`the session said ${frame.type}`));
  }

  #fail(error: Error): void {
    this.#granted.reject(error);
    this.#ended.reject(error);
    for (const { reject } of this.#sent.splice(0)) reject(error);
  }

  #say(frame: RunUp): void {
    this.#connection?.send(JSON.stringify(frame));
  }
}
