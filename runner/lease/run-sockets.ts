import type { Capability } from '../../src/protocol/common/enums.ts';
import { sessionOfTask } from '../../src/protocol/common/ids.ts';
import { pathOf } from '../../src/protocol/endpoints/routes.ts';
import type { RunDown, RunUp } from '../../src/protocol/run/run-socket.ts';
import { type Clock, processClock } from './clock.ts';
import { type OpenConnection, ReconnectingSocket } from './connection.ts';

interface LeaseKey {
  task_id: string;
  epoch: number;
}

/** A lease's way to its session. */
export interface RunChannel {
  send(message: RunUp): void;
  /** See `ReconnectingSocket`. */
  setLifetime(ttlMs: number): void;
  accepted(): void;
  /** The lease needs no way any more. */
  close(): void;
}

export interface RunChannelEvents {
  /** The lease can be claimed (again). */
  opened(): void;
  received(message: RunDown): void;
  closed(): void;
  /** Something has arrived on the socket, also if it concerns another lease. */
  activity(): void;
}

/** What the agent presents to sessions, so that they know what it can go on with. */
export interface Abilities {
  capabilities: Capability[];
  labels: string[];
}

/**
 * The run sockets of an agent: one for each session in which it has leases. A session of an earlier release does not say
 * that it shares a socket; then each lease has one of its own.
 */
export class RunSockets {
  readonly #open: OpenConnection;
  readonly #abilities: Abilities | null;
  readonly #clock: Clock;
  readonly #sockets = new Set<RunSocket>();

  /** @param abilities null if the agent shares no socket, and gets no lease without an offer */
  constructor(open: OpenConnection, abilities: Abilities | null = null, clock: Clock = processClock) {
    this.#open = open;
    this.#abilities = abilities;
    this.#clock = clock;
  }

  /**
   * Opens a way to the session of a lease, or joins an open one. Events come later than this call.
   * @param isHeld whether the session has given the lease on a socket that is open, so that no claim is needed
   */
  open(lease: LeaseKey, events: RunChannelEvents, isHeld = false): RunChannel {
    const session = sessionOfTask(lease.task_id);
    const shared = [...this.#sockets].find((socket) => socket.session === session && socket.isShared);
    const socket = shared ?? this.#newSocket(session, lease);
    return socket.join(lease, events, isHeld && shared !== undefined);
  }

  #newSocket(session: string, lease: LeaseKey): RunSocket {
    const over = () => this.#sockets.delete(socket);
    const socket: RunSocket = new RunSocket(session, lease, this.#open, this.#abilities, this.#clock, over);
    this.#sockets.add(socket);
    return socket;
  }
}

/** One socket, and the leases that it serves. */
class RunSocket {
  readonly session: string;
  /** Whether the session has named a lease in a message, so that others can join. */
  isShared = false;
  readonly #channels = new Map<string, { lease: LeaseKey; events: RunChannelEvents }>();
  readonly #abilities: Abilities | null;
  readonly #socket: ReconnectingSocket;
  readonly #over: () => void;

  constructor(
    session: string,
    { task_id, epoch }: LeaseKey,
    open: OpenConnection,
    abilities: Abilities | null,
    clock: Clock,
    over: () => void,
  ) {
    this.session = session;
    this.#abilities = abilities;
    this.#over = over;
    const each = (tell: (events: RunChannelEvents) => void) => {
      for (const { events } of [...this.#channels.values()]) tell(events);
    };
    const path = pathOf('openRunSocket', { task_id, epoch: String(epoch) });
    const events = {
      opened: () => each((channel) => channel.opened()),
      received: (message: unknown) => this.#received(message as RunDown),
      closed: () => each((channel) => channel.closed()),
      activity: () => each((channel) => channel.activity()),
    };
    this.#socket = new ReconnectingSocket(open, path, events, clock);
  }

  join(lease: LeaseKey, events: RunChannelEvents, isHeld: boolean): RunChannel {
    const key = keyOf(lease);
    this.#channels.set(key, { lease, events });
    const isJoined = () => this.#channels.get(key)?.events === events;
    if (this.#socket.isOpen && !isHeld) queueMicrotask(() => isJoined() && events.opened());
    return {
      send: (message) => this.#socket.send(this.#addressed(message, lease)),
      setLifetime: (ttlMs) => this.#socket.setLifetime(ttlMs),
      accepted: () => this.#socket.accepted(),
      close: () => {
        if (isJoined()) this.#leave(key);
      },
    };
  }

  #leave(key: string): void {
    this.#channels.delete(key);
    if (this.#channels.size > 0) return;
    this.#over();
    this.#socket.close();
  }

  #addressed(message: RunUp, { task_id, epoch }: LeaseKey): RunUp {
    if (this.#abilities === null) return message;
    const of = { task_id, epoch };
    return message.type === 'present' ? { ...message, ...this.#abilities, shared: true, of } : { ...message, of };
  }

  #received(message: RunDown): void {
    if (message.of) this.isShared = true;
    const [first] = this.#channels.values();
    const channel = message.of ? this.#channels.get(keyOf(message.of)) : first;
    channel?.events.received(message);
  }
}

function keyOf({ task_id, epoch }: LeaseKey): string {
  return `${task_id}/${epoch}`;
}
