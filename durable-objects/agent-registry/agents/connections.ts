import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform.ts';
import { endSocket } from '../../kit/sockets.ts';

/** What a control socket carries through hibernation. */
export interface ControlAttachment {
  agent_id: string;
  /** The instance that said hello; null before. */
  instance_id: string | null;
  /** When the last frame came (ms); pings are counted by the platform. */
  seen_at: number;
  /** We have closed it, or it has: it may still be listed for a moment. */
  closed: boolean;
}

export interface Connection {
  socket: ObjectSocket;
  attachment: ControlAttachment;
  /** The last sign of life, frame or ping, in ms. */
  aliveAt: number;
}

export function agentTag(agentId: string): string {
  return `agent:${agentId}`;
}

/** The open control sockets. They hold their own state, so nothing is lost when the object sleeps. */
export class Connections {
  readonly #platform: ObjectPlatform;

  constructor(platform: ObjectPlatform) {
    this.#platform = platform;
  }

  of(socket: ObjectSocket): Connection {
    const attachment = socket.attachment() as ControlAttachment;
    return { socket, attachment, aliveAt: Math.max(attachment.seen_at, socket.lastPingAt() ?? 0) };
  }

  /** Connections of an agent, or of all, whose hello has been answered with `welcome`. */
  welcomed(agentId?: string): Connection[] {
    return this.#platform
      .sockets(agentId === undefined ? undefined : agentTag(agentId))
      .map((socket) => this.of(socket))
      .filter(({ attachment }) => !attachment.closed && attachment.instance_id !== null);
  }

  /** The last sign of life of each agent that is connected. */
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

  /** To the agent if it is connected; who is not hears of it by its next hello. */
  send(agentId: string, frame: ControlDown): void {
    for (const { socket } of this.welcomed(agentId)) socket.send(JSON.stringify(frame));
  }

  close({ socket }: Connection, code: number, reason: string): void {
    endSocket(socket, code, reason);
  }
}
