import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform/platform.ts';
import { endSocket } from '../../kit/platform/sockets.ts';

/** What a control socket remembers while the object hibernates. */
export interface ControlAttachment {
  agent_id: string;
  /** The agent's process; null before its hello. */
  instance_id: string | null;
  /** When the last frame came (ms since the epoch). The platform notes pings. */
  seen_at: number;
  /** One side has closed it. The platform may still list it for a moment. */
  closed: boolean;
}

export interface Connection {
  socket: ObjectSocket;
  attachment: ControlAttachment;
  /** The last sign of life, a frame or a ping (ms since the epoch). */
  aliveAt: number;
}

export function agentTag(agentId: string): string {
  return `agent:${agentId}`;
}

/** The open control sockets. Each carries its own state, so the object may hibernate. */
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

  /** The last sign of life of each connected agent (ms since the epoch), by its id. */
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
