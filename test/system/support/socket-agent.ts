import { randomUUID } from 'node:crypto';
import { processClock } from '../../../runner/lease/clock.ts';
import { CONTROL_FIRST_PAUSE_MS, type OpenConnection, ReconnectingSocket } from '../../../runner/lease/connection.ts';
import type { AgentHello, ControlDown, ControlUp } from '../../../src/protocol/agent/control-socket.ts';
import { pathOf } from '../../../src/protocol/endpoints/routes.ts';
import type { RunDown, RunUp } from '../../../src/protocol/run/run-socket.ts';

type Offer = Extract<ControlDown, { type: 'offer' }>;

const REPOSITORY = 'c'.repeat(40);

/**
 * An agent's sockets, as the runner has them, without OpenCode and git: it holds the lease of the first offer until it
 * is told to finish. A thousand of them fit into one process.
 */
export class SocketAgent {
  readonly id = randomUUID();
  readonly name: string;
  /** How often the registry has welcomed it. */
  welcomes = 0;
  /** The waits of its control socket (ms). The first one after a break is the pause before it connects again. */
  waits: number[] = [];
  /** How often its session has given it the lease, or given it back after a break. */
  presented = 0;
  readonly #instanceId = randomUUID();
  readonly #labels: string[];
  readonly #open: OpenConnection;
  readonly #control: ReconnectingSocket;
  #offer: Offer | null = null;
  #run: ReconnectingSocket | null = null;
  #hasEnded = false;

  /** @param random 0 ≤ x < 1 */
  constructor(name: string, labels: string[], open: OpenConnection, random: () => number) {
    this.name = name;
    this.#labels = labels;
    this.#open = open;
    const events = {
      opened: () => this.#say(this.#hello()),
      received: (message: unknown) => this.#received(message as ControlDown),
      closed: () => undefined,
      activity: () => undefined,
    };
    const after = (ms: number, run: () => void) => {
      this.waits.push(ms);
      return processClock.after(ms, run);
    };
    const clock = { ...processClock, random, after };
    const path = pathOf('openControlSocket', { agent_id: this.id });
    this.#control = new ReconnectingSocket(open, path, events, clock, CONTROL_FIRST_PAUSE_MS);
  }

  /** The session that it works on; null if it has none. */
  get session(): string | null {
    return this.#hasEnded ? null : (this.#offer?.session_id ?? null);
  }

  /** Reports the result of its work. The session answers with the end of the lease. */
  finish(): void {
    const data = { status: 'completed', text: 'Done.', messages_done: 1, error: null } as const;
    this.#report({ type: 'frames', frames: [{ n: 1, type: 'result', data }] });
  }

  close(): void {
    this.#control.close();
    this.#run?.close();
  }

  #hello(): AgentHello {
    const { task_id, epoch } = this.#offer ?? {};
    const holds = task_id !== undefined && epoch !== undefined && this.presented > 0 && !this.#hasEnded;
    return {
      ...{ type: 'hello', name: this.name, instance_id: this.#instanceId, capacity: 1, capabilities: [] },
      ...{ labels: this.#labels, repository: REPOSITORY, remotes: [], model: null, version: 'drill' },
      leases: holds ? [{ task_id, epoch }] : [],
    };
  }

  #received(message: ControlDown): void {
    if (message.type === 'welcome') {
      this.welcomes++;
      this.#control.accepted();
    } else if (message.type === 'offer' && this.#offer === null) this.#claim(message);
  }

  #claim(offer: Offer): void {
    this.#offer = offer;
    const { task_id, epoch, proof } = offer;
    const stream_id = randomUUID();
    const present: RunUp = {
      ...{ type: 'present', agent_id: this.id, agent_name: this.name, instance_id: this.#instanceId, stream_id },
      ...{ head: 0, repository: REPOSITORY, proof },
    };
    this.#run = new ReconnectingSocket(this.#open, pathOf('openRunSocket', { task_id, epoch: String(epoch) }), {
      opened: () => this.#report(present),
      received: (message) => this.#answered(message as RunDown, offer),
      closed: () => undefined,
      activity: () => undefined,
    });
  }

  #answered(message: RunDown, { task_id, epoch }: Offer): void {
    if (message.type === 'lease') {
      this.presented++;
      this.#run?.accepted();
      this.#say({ type: 'accepted', task_id, epoch });
    } else if (message.type === 'command') this.#report({ type: 'command_ack', id: message.id });
    else if (message.type === 'ended') {
      this.#hasEnded = true;
      this.#run?.close();
      this.#say({ type: 'ended', task_id, epoch });
    }
  }

  #say(message: ControlUp): void {
    this.#control.send(message);
  }

  #report(message: RunUp): void {
    this.#run?.send(message);
  }
}
