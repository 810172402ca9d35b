import type { Call } from '../../../src/ports/calls.ts';
import { exceedsBytes, MAX_FRAME_BYTES } from '../../../src/protocol/common/limits.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import { authorityOf, type Principal } from '../../../src/protocol/workspace/token.ts';
import type { ObjectPlatform, ObjectSocket } from './platform.ts';

/** The close code for a message that is too large (RFC 6455 §7.4.1). */
const TOO_LARGE = 1009;

/** The tags and the attachment of a new socket. */
export interface SocketOpening {
  /** Tags by which the object finds the socket. */
  tags: string[];
  /** The attachment, which survives hibernation. */
  attachment: object;
  /** Called when the socket is open. */
  opened?(socket: ObjectSocket): void;
}

/** A socket that is not opened now, because the object has as many as it may have; and what the caller can do. */
export interface SocketRefusal {
  full: string;
}

/** The socket handlers of a runtime. `ObjectShell` calls them. */
export interface SocketHolder {
  /**
   * Opens the socket of a URL for a principal of this workspace; null if no such socket exists.
   * @param lease the lease that the upgrade names and its session has confirmed; null without one
   */
  open(url: URL, principal: Principal, lease: Call['lease'] | null): SocketOpening | SocketRefusal | null;
  /** Handles a frame. If it throws, it has stored nothing. The shell closes the socket, and the client reconnects. */
  receive(socket: ObjectSocket, text: string): void;
  /** Called when either side has closed the socket. */
  closed(socket: ObjectSocket): void;
  /** Called after the socket was closed because its token is no longer valid. */
  unauthorized?(socket: ObjectSocket): void;
}

/** The members of every socket's attachment, in addition to those of its holder. */
interface Authority {
  /** Whether this object has closed the socket, so that later frames are ignored. */
  closed?: boolean;
  /** When the token that opened the socket expires, in ms since the epoch. */
  expires_at?: number;
  /** The workspace's record of the socket; absent if the token cannot end. */
  record?: { token_id: string; socket_id: string };
}

/** The attachment of a socket that a principal opens. @param socketId the id of its record in the workspace */
export function attachmentFor(opening: SocketOpening, principal: Principal, socketId: string | null): object {
  const { expires_at } = principal;
  const authority: Authority = {};
  if (expires_at !== undefined) authority.expires_at = expires_at;
  if (socketId !== null) authority.record = { token_id: authorityOf(principal), socket_id: socketId };
  return { ...opening.attachment, ...authority };
}

/** The workspace's record of a socket; undefined if it has none. */
export function recordOf(socket: ObjectSocket): Authority['record'] {
  return (socket.attachment() as Authority).record;
}

/** The tag of all sockets that were opened with a token. */
export function tokenTag(tokenId: string): string {
  return `token:${tokenId}`;
}

/** Closes a socket. Frames that the peer sends before it has closed too are ignored. */
export function endSocket(socket: ObjectSocket, code: number, reason: string): void {
  socket.attach({ ...(socket.attachment() as object), closed: true });
  socket.close(code, reason);
}

/** Closes the sockets that were opened with a token that was revoked or has expired. */
export function endSocketsOf(holder: SocketHolder, platform: ObjectPlatform, tokenId: string): void {
  for (const socket of platform.sockets(tokenTag(tokenId))) {
    if (!(socket.attachment() as Authority).closed) endUnauthorized(holder, socket, 'the token is no longer valid');
  }
}

/** Passes a frame to the holder, unless the socket was closed, its token has expired, or the frame is too large. */
export function receiveFrame(holder: SocketHolder, socket: ObjectSocket, text: string, now: number): void {
  const { closed, expires_at } = socket.attachment() as Authority;
  if (closed) return;
  if (expires_at !== undefined && expires_at <= now) return endUnauthorized(holder, socket, 'the token has expired');
  if (exceedsBytes(text, MAX_FRAME_BYTES)) {
    return socket.close(TOO_LARGE, `a frame can have at most ${MAX_FRAME_BYTES} bytes`);
  }
  holder.receive(socket, text);
}

function endUnauthorized(holder: SocketHolder, socket: ObjectSocket, reason: string): void {
  endSocket(socket, CLOSE.unauthorized, reason);
  holder.unauthorized?.(socket);
}
