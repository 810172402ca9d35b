import { MAX_FRAME_BYTES, utf8Length } from '../../src/protocol/common/limits.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import type { ObjectPlatform, ObjectSocket } from './platform.ts';

/** A message is too big to take in (RFC 6455 §7.4.1). */
const TOO_LARGE = 1009;

/** A socket that may be opened. */
export interface SocketOpening {
  /** What the object finds it by. */
  tags: string[];
  /** What it carries through hibernation. */
  attachment: object;
  /** Called once it is open. */
  opened?(socket: ObjectSocket): void;
}

/** The sockets of an object, as its runtime sees them; how the platform opens and hands them is the shell's. */
export interface SocketHolder {
  /** The socket that an upgrade of this workspace asks for; null where there is none such. */
  open(url: URL, principal: Principal): SocketOpening | null;
  /** Takes a frame in. A throw means that nothing was stored: the socket is closed, and the other side reconnects. */
  receive(socket: ObjectSocket, text: string): void;
  /** The socket has closed, from whichever side. */
  closed(socket: ObjectSocket): void;
}

/** The tag of the sockets that were opened with a token. */
export function tokenTag(tokenId: string): string {
  return `token:${tokenId}`;
}

/** Closes a socket and takes nothing in that still arrives on it: a close is only a request to the other side. */
export function endSocket(socket: ObjectSocket, code: number, reason: string): void {
  socket.attach({ ...(socket.attachment() as object), closed: true });
  socket.close(code, reason);
}

/** Ends the sockets that were opened with a token that is no longer good. */
export function endSocketsOf(platform: ObjectPlatform, tokenId: string): void {
  for (const socket of platform.sockets(tokenTag(tokenId))) {
    endSocket(socket, CLOSE.unauthorized, 'the token was revoked');
  }
}

/** Hands a frame to the holder, unless the socket has been ended or the frame is too large. */
export function receiveFrame(holder: SocketHolder, socket: ObjectSocket, text: string): void {
  if ((socket.attachment() as { closed?: boolean }).closed) return;
  if (text.length * 3 > MAX_FRAME_BYTES && utf8Length(text) > MAX_FRAME_BYTES) {
    return socket.close(TOO_LARGE, `a frame holds at most ${MAX_FRAME_BYTES} bytes`);
  }
  holder.receive(socket, text);
}
