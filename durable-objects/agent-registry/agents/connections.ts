import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import type { Principal } from '../../../src/protocol/workspace/token.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform/platform.ts';
import { endSocket } from '../../kit/platform/sockets.ts';

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
}

export interface Connection {
  socket: ObjectSocket;
  attachment: ControlAttachment;
  /** When the last frame or ping arrived, in ms since the epoch. */
  aliveAt: number;
}

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

  constructor(platform: ObjectPlatform) {
    this.#platform = platform;
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

  /** When each connected agent was last heard, in ms since the epoch, by agent id. */
  aliveAt(): Map<string, number> {
    return new Map([...this.connected()].map(([id, { seen_at }]) => [id, seen_at]));
  }

  /** When each connected agent was last heard, in ms since the epoch, and its process, by agent id. */
  connected(): Map<string, { seen_at: number; instance_id: string }> {
    const connected = new Map<string, { seen_at: number; instance_id: string }>();
    for (const { attachment, aliveAt } of this.welcomed()) {
      const { agent_id, instance_id } = attachment;
      const known = connected.get(agent_id);
      if (instance_id === null || (known && known.seen_at >= aliveAt)) continue;
      connected.set(agent_id, { seen_at: aliveAt, instance_id });
    }
    return connected;
  }

  /** When an agent was last heard on its open socket, in ms since the epoch; null if it is not connected. */
  heardAt(agentId: string): number | null {
    const times = this.welcomed(agentId).map(({ aliveAt }) => aliveAt);
    return times.length === 0 ? null : Math.max(...times);
  }

  update({ socket, attachment }: Connection, changes: Partial<ControlAttachment>): void {
    socket.attach({ ...attachment, ...changes });
  }

  /** Sends a frame to an agent. An agent that is not connected catches up at its next hello. */
  send(agentId: string, frame: ControlDown): void {
    this.sendEach(agentId, () => frame);
  }

  /** Sends a frame that depends on the connection, such as a proof. */
  sendEach(agentId: string, frameFor: (attachment: ControlAttachment) => ControlDown): void {
    for (const { socket, attachment } of this.welcomed(agentId)) socket.send(JSON.stringify(frameFor(attachment)));
  }

  /** Tells a process that it must stop, and closes its socket. */
  supersede({ socket }: Connection, reason: string, removed?: true): void {
    socket.send(JSON.stringify({ type: 'superseded', reason, ...(removed && { removed }) } satisfies ControlDown));
    endSocket(socket, CLOSE.superseded, reason);
  }

  close({ socket }: Connection, code: number, reason: string): void {
    endSocket(socket, code, reason);
  }
}
