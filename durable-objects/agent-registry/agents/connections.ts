import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform/platform.ts';
import { endSocket } from '../../kit/platform/sockets.ts';

/** The attachment of a control socket, which survives hibernation. */
export interface ControlAttachment {
  agent_id: string;
  /** The agent's process; null before its hello. */
  instance_id: string | null;
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

  /** The connections of one agent, or of all agents, whose hello was answered with `welcome`. */
  welcomed(agentId?: string): Connection[] {
    return this.#platform
      .sockets(agentId === undefined ? undefined : agentTag(agentId))
      .map((socket) => this.of(socket))
      .filter(({ attachment }) => !attachment.closed && attachment.instance_id !== null);
  }

  /** When each connected agent was last heard, in ms since the epoch, by agent id. */
  aliveAt(): Map<string, number> {
    const alive = new Map<string, number>();
    for (const { attachment, aliveAt } of this.welcomed()) {
      alive.set(attachment.agent_id, Math.max(aliveAt, alive.get(attachment.agent_id) ?? 0));
    }
    return alive;
  }

  update({ socket, attachment }: Connection, changes: Partial<ControlAttachment>): void {
    socket.attach({ ...attachment, ...changes });
  }

  /** Sends a frame to an agent. An agent that is not connected catches up at its next hello. */
  send(agentId: string, frame: ControlDown): void {
    for (const { socket } of this.welcomed(agentId)) socket.send(JSON.stringify(frame));
  }

  close({ socket }: Connection, code: number, reason: string): void {
    endSocket(socket, code, reason);
  }
}
