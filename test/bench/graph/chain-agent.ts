import { randomUUID } from 'node:crypto';
import type { Connection } from '../../../runner/lease/connection.ts';
import type { ControlDown, ControlUp } from '../../../src/protocol/agent/control-socket.ts';
import { PING, PONG } from '../../../src/protocol/common/socket.ts';
import type { RunDown, RunUp } from '../../../src/protocol/run/run-socket.ts';
import { PING_MS } from '../instant-agent.ts';
import { openSocket } from '../sockets.ts';

type Offer = Extract<ControlDown, { type: 'offer' }>;
type Of = NonNullable<RunDown['of']>;

const NAME = 'AGENT-CHAIN';
const REPOSITORY = 'b'.repeat(40);
const CAPACITY = 50;
/** A result that no message waits for. */
const DONE = { status: 'completed', text: 'Done.', messages_done: 1_000, error: null } as const;

/** What has become of a session's tasks. */
export interface Chain {
  /** The time from each result until the next assignment, or until the end, in ms. */
  stepsMs: number[];
  /** The offers that the agent needed. */
  offers: number;
}

interface Running extends Chain {
  tasks: number;
  resolve: (chain: Chain) => void;
  reject: (error: Error) => void;
}

/** An agent with real sockets that reports each task as done as soon as it has it, and goes on with the next one. */
export class ChainAgent {
  readonly #agent = { agent_id: randomUUID(), agent_name: NAME, instance_id: randomUUID(), repository: REPOSITORY };
  readonly #url: string;
  readonly #token: string;
  readonly #welcomed = Promise.withResolvers<void>();
  readonly #running = new Map<string, Running>();
  #control: Connection | null = null;
  readonly #pings = setInterval(() => this.#control?.send(PING), PING_MS).unref();

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  static async connect(url: string, token: string): Promise<ChainAgent> {
    const agent = new ChainAgent(url, token);
    const path = `/ws/agents/${agent.#agent.agent_id}/control`;
    const fail = (error: Error) => agent.#welcomed.reject(error);
    agent.#control = await openSocket(url, path, token, (text) => agent.#heard(text), fail);
    agent.#say({
      ...{ type: 'hello', name: NAME, instance_id: agent.#agent.instance_id, capacity: CAPACITY, capabilities: [] },
      ...{ labels: [], remotes: [], repository: REPOSITORY, model: null, version: 'bench', leases: [] },
    });
    await agent.#welcomed.promise;
    return agent;
  }

  /** Resolves when the agent has done so many tasks of a session. Call it before the session is started. */
  doneWith(session: string, tasks: number): Promise<Chain> {
    return new Promise((resolve, reject) => {
      this.#running.set(session, { tasks, resolve, reject, stepsMs: [], offers: 0 });
    });
  }

  close(): void {
    clearInterval(this.#pings);
    this.#control?.close();
  }

  #heard(text: string): void {
    if (text === PONG) return;
    const frame = JSON.parse(text) as ControlDown;
    if (frame.type === 'welcome') this.#welcomed.resolve();
    else if (frame.type === 'offer') void this.#take(frame);
  }

  async #take({ session_id, task_id, epoch, proof }: Offer): Promise<void> {
    const running = this.#running.get(session_id);
    if (!running) return;
    running.offers++;
    const of = { task_id, epoch };
    let sentAt = 0;
    const finish = (next: Of) => {
      sentAt = performance.now();
      say({ type: 'frames', frames: [{ n: 1, type: 'result', data: DONE }], of: next });
    };
    const received = (text: string) => {
      const message = JSON.parse(text) as RunDown;
      if (message.type === 'lease') {
        this.#say({ type: 'accepted', ...of });
        finish(of);
      } else if (message.type === 'ended') {
        running.stepsMs.push(performance.now() - sentAt);
        const next = message.next?.assignment;
        if (next) return finish({ task_id: next.task_id, epoch: next.epoch });
        connection.close();
        this.#say({ type: 'ended', ...message.of! });
        if (running.stepsMs.length === running.tasks) running.resolve(running);
      } else if (message.type !== 'command') running.reject(new Error(`the session said ${message.type}`));
    };
    const path = `/ws/leases/${task_id}/${epoch}`;
    const connection = await openSocket(this.#url, path, this.#token, received);
    const say = (message: RunUp) => connection.send(JSON.stringify(message));
    say({ type: 'present', ...this.#agent, stream_id: randomUUID(), head: 0, proof, of, shared: true });
  }

  #say(frame: ControlUp): void {
    this.#control?.send(JSON.stringify(frame));
  }
}
