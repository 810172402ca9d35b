import { expect, it } from 'vitest';
import type { ObjectSocket } from '../../../../durable-objects/kit/platform/platform.ts';
import {
  endSocketsOf,
  receiveFrame,
  type SocketHolder,
  tokenTag,
} from '../../../../durable-objects/kit/platform/sockets.ts';
import { MAX_FRAME_BYTES } from '../../../../src/protocol/common/limits.ts';
import { CLOSE } from '../../../../src/protocol/common/socket.ts';
import { NodePlatform } from '../../../support/node-platform.ts';

function fixture() {
  const platform = new NodePlatform();
  const received: string[] = [];
  const holder: SocketHolder = {
    open: () => null,
    receive: (_socket: ObjectSocket, text: string) => void received.push(text),
    closed: () => {},
  };
  const connect = (tokenId: string) => platform.connect(['kind:1', tokenTag(tokenId)], { kind: 'test' });
  return { platform, holder, received, connect };
}

it('a revoked token’s sockets, and no others, are closed, and their late messages are ignored', () => {
  const { platform, holder, received, connect } = fixture();
  const revoked = connect('revoked');
  const other = connect('other');
  endSocketsOf(holder, platform, 'revoked');
  expect([revoked.closedBy?.code, other.closedBy]).toEqual([CLOSE.unauthorized, null]);
  receiveFrame(holder, revoked.socket, 'late', platform.now());
  receiveFrame(holder, other.socket, 'in time', platform.now());
  expect(received).toEqual(['in time']);
  expect(revoked.socket.attachment()).toEqual({ kind: 'test', closed: true });
});

it('a socket that sends a message over the frame limit in bytes is closed', () => {
  const { platform, holder, received, connect } = fixture();
  const client = connect('token');
  receiveFrame(holder, client.socket, 'é'.repeat(MAX_FRAME_BYTES / 2), platform.now());
  expect(received).toHaveLength(1);
  receiveFrame(holder, client.socket, 'é'.repeat(MAX_FRAME_BYTES / 2 + 1), platform.now());
  expect([received.length, client.closedBy?.code]).toEqual([1, 1009]);
});
