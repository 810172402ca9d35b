import { randomUUID } from 'node:crypto';
import { pathOf } from '../../src/protocol/endpoints/routes.ts';
import type { RunDown } from '../../src/protocol/run/run-socket.ts';
import type { BufferedLease } from './buffer.ts';
import { type OpenConnection, ReconnectingSocket } from './connection.ts';
import { fewAtATime } from './few-at-a-time.ts';

export type LeaseHolder = Pick<BufferedLease, 'agent_id' | 'agent_name' | 'instance_id'>;

/** The most sockets at a time. Any number of worktrees may be kept, and nothing waits for the answers. */
const MAX_OPEN = 4;

/**
 * Asks about leases that have ended whether their sessions were deleted since. An ended lease cannot be claimed, so no
 * other answer has an effect.
 */
export function findDeleted(
  leases: readonly { task_id: string; epoch: number }[],
  agent: LeaseHolder,
  openConnection: OpenConnection,
  deleted: (lease: { task_id: string }) => void,
): { close(): void } {
  return fewAtATime(leases, { most: MAX_OPEN }, ({ task_id, epoch }, over) => {
    const path = pathOf('openRunSocket', { task_id, epoch: String(epoch) });
    const end = () => {
      socket.close();
      over();
    };
    const socket = new ReconnectingSocket(openConnection, path, {
      opened: () => socket.send({ type: 'present', ...agent, stream_id: randomUUID(), head: 0, repository: null }),
      received: (message) => {
        const answer = message as RunDown;
        end();
        if (answer.type === 'gone' && answer.deleted) deleted({ task_id });
      },
      // An unknown session is not a deleted one: its control plane may have lost its data, or be another one.
      closed: (_, rejection) => {
        if (rejection) end();
      },
      activity: () => undefined,
    });
    return socket;
  });
}
