import { describe, expect, it } from 'vitest';
import type { ConnectionEvents, OpenConnection } from '../../../runner/lease/connection.ts';
import { type RunChannelEvents, RunSockets } from '../../../runner/lease/run-sockets.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { RunDown, RunUp } from '../../../src/protocol/run/run-socket.ts';

const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const OTHER = '0198c2f0-1a2b-8c3d-9e4f-5a6c00000000';
const ABILITIES = { capabilities: ['testing' as const], labels: ['os=linux'] };

const leaseOf = (task: number, session = SESSION) => ({ task_id: taskIdOf(session, task), epoch: 1 });
const ack = (task: number, n: number): RunDown => ({ type: 'ack', n, of: leaseOf(task) });

/** The other side of all sockets: what was opened, said and closed. */
class FakeNetwork {
  readonly sockets: { path: string; said: RunUp[]; events: ConnectionEvents; isClosed: boolean }[] = [];

  readonly open: OpenConnection = (path, events) => {
    const socket = { path, said: [] as RunUp[], events, isClosed: false };
    this.sockets.push(socket);
    return {
      send: (text) => void (text !== 'ping' && socket.said.push(JSON.parse(text))),
      close: () => {
        socket.isClosed = true;
      },
    };
  };

  tell(index: number, message: RunDown): void {
    this.sockets[index]!.events.received(JSON.stringify(message));
  }
}

/** A lease that notes what it hears. */
function listener() {
  const heard: string[] = [];
  const events: RunChannelEvents = {
    opened: () => heard.push('opened'),
    received: (message) => heard.push(message.type),
    closed: () => heard.push('closed'),
    activity: () => undefined,
  };
  return { heard, events };
}

function opened(abilities: typeof ABILITIES | null = ABILITIES) {
  const network = new FakeNetwork();
  const sockets = new RunSockets(network.open, abilities);
  const one = listener();
  const channel = sockets.open(leaseOf(1), one.events);
  network.sockets[0]!.events.opened();
  return { network, sockets, one, channel };
}

describe('the run sockets of an agent', () => {
  it('serve all leases of a session once it has named one in a message', async () => {
    const { network, sockets, one } = opened();
    network.tell(0, ack(1, 1));
    const two = listener();
    const channel = sockets.open(leaseOf(2), two.events);
    await null;
    expect([network.sockets.length, two.heard]).toEqual([1, ['opened']]);
    channel.send({ type: 'frames', frames: [] });
    network.tell(0, ack(2, 1));
    network.tell(0, ack(1, 2));
    expect(network.sockets[0]!.said).toEqual([{ type: 'frames', frames: [], of: leaseOf(2) }]);
    expect([one.heard, two.heard]).toEqual([
      ['opened', 'ack', 'ack'],
      ['opened', 'ack'],
    ]);
  });

  it('are several before that, and for several sessions', () => {
    const { network, sockets } = opened();
    sockets.open(leaseOf(2), listener().events);
    network.tell(0, ack(1, 1));
    sockets.open(leaseOf(1, OTHER), listener().events);
    expect(network.sockets.map(({ path }) => path)).toEqual([
      `/ws/leases/${leaseOf(1).task_id}/1`,
      `/ws/leases/${leaseOf(2).task_id}/1`,
      `/ws/leases/${leaseOf(1, OTHER).task_id}/1`,
    ]);
  });

  it('present what the agent can do, and say for which lease', () => {
    const { network, channel } = opened();
    const claim = { type: 'present', agent_id: '', agent_name: '', instance_id: '', stream_id: '', head: 0 } as const;
    channel.send({ ...claim, repository: null });
    expect(network.sockets[0]!.said).toEqual([
      { ...claim, repository: null, ...ABILITIES, shared: true, of: leaseOf(1) },
    ]);
  });

  it('say nothing of it for an agent that works on one task', () => {
    const { network, channel } = opened(null);
    channel.send({ type: 'command_ack', id: 1 });
    expect(network.sockets[0]!.said).toEqual([{ type: 'command_ack', id: 1 }]);
    network.tell(0, { type: 'ack', n: 1 });
  });

  it('do not ask for the claim of a lease that came on them, and close after the last one', async () => {
    const { network, sockets, channel } = opened();
    network.tell(0, ack(1, 1));
    const two = listener();
    const next = sockets.open(leaseOf(2), two.events, true);
    await null;
    channel.close();
    expect([two.heard, network.sockets[0]!.isClosed]).toEqual([[], false]);
    next.close();
    expect(network.sockets[0]!.isClosed).toBe(true);
  });
});
