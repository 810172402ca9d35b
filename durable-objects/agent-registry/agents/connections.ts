import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import type { Principal } from '../../../src/protocol/workspace/token.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform/platform.ts';
import { endSocket } from '../../kit/platform/sockets.ts';
import { DISPATCH } from '../config.ts';

/** The attachment of a control socket, which survives hibernation. */
export interface ControlAttachment {
  agent_id: string;
  /** The token that opened the socket. */
  token_id: string;
  /** Whether the token is the agent's own. Absent in sockets that an earlier release opened. */
  acts?: boolean;
  /** The agent's process; null before its hello. */
  instance_id: string | null;
  /** The name and the root commit of its hello; null before it. */
  agent_name: string | null;
  repository: string | null;
  /** When the last frame arrived, in ms since the epoch. The platform records pings. */
  seen_at: number;
  /** Whether either side has closed the socket. The platform may still list it for a moment. */
  closed: boolean;
  /** How many offers are wanted at once, on a socket that the Worker holds for an agent without sockets. */
  max?: number;
}

export interface Connection {
  socket: ObjectSocket;
  attachment: ControlAttachment;
  /** When the last frame or ping arrived, in ms since the epoch. */
  aliveAt: number;
}

/** An agent that takes work now. */
export interface Connected {
  /** When it was last heard, in ms since the epoch. */
  seen_at: number;
  /** Its process. */
  instance_id: string;
  /** How many offers it wants at once; absent if that is as many as it has room for. */
  max?: number;
}

/** The agents that were heard without a socket after a time (ms since the epoch), as far as that is stored. */
type StoredSince = (since: number) => { id: string; polled_at: number }[];

/** The attachment of a socket on which no hello has arrived. @param now ms since the epoch */
export function newConnection(
  agent_id: string,
  { token_id, agent }: Pick<Principal, 'token_id' | 'agent'>,
  now: number,
): ControlAttachment {
  const unknown = { instance_id: null, agent_name: null, repository: null } as const;
  return { agent_id, token_id, acts: agent !== undefined, ...unknown, seen_at: now, closed: false };
}

export function agentTag(agentId: string): string {
  return `agent:${agentId}`;
}

/** The open control sockets. Their state is in their attachments, so that the object can hibernate. */
export class Connections {
  readonly #platform: ObjectPlatform;
  /** When agents without sockets were last heard, in ms since the epoch; null before what is stored was read. */
  #heard: Map<string, number> | null = null;
  readonly #storedSince: StoredSince;
  readonly #changed: Set<string>;

  /**
   * @param changed gets the ids of the agents whose connections change
   * @param storedSince reads when agents were heard before an eviction
   */
  constructor(platform: ObjectPlatform, changed: Set<string>, storedSince: StoredSince) {
    this.#platform = platform;
    this.#changed = changed;
    this.#storedSince = storedSince;
  }

  of(socket: ObjectSocket): Connection {
    const attachment = socket.attachment() as ControlAttachment;
    return { socket, attachment, aliveAt: Math.max(attachment.seen_at, socket.lastPingAt() ?? 0) };
  }

  /** The connections of one agent, or of all agents, whose hello was answered with `welcome`. Others have sockets too. */
  welcomed(agentId?: string): Connection[] {
    return this.#platform
      .sockets(agentId === undefined ? undefined : agentTag(agentId))
      .map((socket) => this.of(socket))
      .filter(({ attachment }) => !attachment.closed && typeof attachment.instance_id === 'string');
  }

  /** The agents that take work now, by their ids. */
  connected(): Map<string, Connected> {
    return lastHeard(this.welcomed());
  }

  /** One agent, if it takes work now. */
  connectedAs(agentId: string): Connected | null {
    return lastHeard(this.welcomed(agentId)).get(agentId) ?? null;
  }

  /** Remembers that an agent without sockets was heard. @param at ms since the epoch */
  heard(agentId: string, at: number): void {
    this.#heardTimes().set(agentId, at);
  }

  /** Forgets an agent that was removed. */
  forget(agentId: string): void {
    this.#heard?.delete(agentId);
  }

  /** The sockets on which the Worker waits for an agent. */
  polling(agentId: string): Connection[] {
    return this.welcomed(agentId).filter(({ attachment }) => attachment.max !== undefined);
  }

  /** When an agent was last heard, in ms since the epoch; null if it is not here. */
  heardAt(agentId: string): number | null {
    const times = this.welcomed(agentId).map(({ aliveAt }) => aliveAt);
    return this.#latest(agentId, times.length === 0 ? null : Math.max(...times));
  }

  /** The same by agent id, for all agents that are here. */
  aliveAt(): Map<string, number> {
    const alive = new Map([...this.connected()].map(([id, { seen_at }]) => [id, seen_at]));
    for (const id of this.#heardTimes().keys()) {
      const at = this.#latest(id, alive.get(id) ?? null);
      if (at !== null) alive.set(id, at);
    }
    return alive;
  }

  /** When an agent was last heard without a socket, in ms since the epoch. It is here for a minute after that. */
  heardWithoutSocket(agentId: string): number | null {
    const heard = this.#heardTimes().get(agentId);
    return heard === undefined || this.#platform.now() - heard > DISPATCH.quiet_ms ? null : heard;
  }

  /** How many agents were heard without a socket in this life of the object in memory, and shortly before it. */
  get heardCount(): number {
    return this.#heardTimes().size;
  }

  #heardTimes(): Map<string, number> {
    const since = this.#platform.now() - DISPATCH.quiet_ms;
    this.#heard ??= new Map(this.#storedSince(since).map(({ id, polled_at }) => [id, polled_at]));
    return this.#heard;
  }

  #latest(agentId: string, onSocket: number | null): number | null {
    const heard = this.heardWithoutSocket(agentId);
    return heard === null ? onSocket : Math.max(heard, onSocket ?? 0);
  }

  update({ socket, attachment }: Connection, changes: Partial<ControlAttachment>): void {
    socket.attach({ ...attachment, ...changes });
    this.#changed.add(attachment.agent_id);
  }

  /** Sends a frame to an agent. An agent that is not connected catches up at its next hello. */
  send(agentId: string, frame: ControlDown): void {
    this.sendEach(agentId, () => frame);
  }

  /** Sends a frame that depends on the connection, such as a proof. */
  sendEach(agentId: string, frameFor: (attachment: ControlAttachment) => ControlDown): void {
    for (const connection of this.welcomed(agentId)) {
      const { socket, attachment } = connection;
      socket.send(JSON.stringify(frameFor(attachment)));
      // The Worker comes back for all offers.
      if (attachment.max !== undefined) this.update(connection, { closed: true });
    }
  }

  /** Tells a process that it must stop, and closes its socket. */
  supersede(connection: Connection, reason: string, removed?: true): void {
    connection.socket.send(
      JSON.stringify({ type: 'superseded', reason, ...(removed && { removed }) } satisfies ControlDown),
    );
    this.close(connection, CLOSE.superseded, reason);
  }

  close({ socket, attachment }: Connection, code: number, reason: string): void {
    endSocket(socket, code, reason);
    this.#changed.add(attachment.agent_id);
  }

  /** Call this when a socket of an agent was opened or closed elsewhere. */
  touch(agentId: string): void {
    this.#changed.add(agentId);
  }
}

/** Of several connections of an agent, the one that was heard last counts. */
function lastHeard(connections: readonly Connection[]): Map<string, Connected> {
  const connected = new Map<string, Connected>();
  for (const { attachment, aliveAt } of connections) {
    const { agent_id, instance_id, max } = attachment;
    const known = connected.get(agent_id);
    if (instance_id === null || (known && known.seen_at >= aliveAt)) continue;
    connected.set(agent_id, { seen_at: aliveAt, instance_id, ...(max !== undefined && { max }) });
  }
  return connected;
}
