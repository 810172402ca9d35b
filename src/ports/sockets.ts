import type { WorkspaceId } from '../protocol/common/ids.ts';
import type { SocketPlace } from './workspace.ts';

/** Reaches the objects that hold sockets. */
export interface Sockets {
  /** Forwards a verified socket upgrade to the object that will hold the socket. */
  open(workspace: WorkspaceId, place: SocketPlace, upgrade: Request): Promise<Response>;
  /** Ends the sockets at an object that were opened with a token. */
  close(workspace: WorkspaceId, place: SocketPlace, tokenId: string): Promise<void>;
}

/** An object that holds sockets. */
export interface TokenSockets {
  /** Ends the sockets that were opened with a token. */
  closeSockets(tokenId: string): Promise<void>;
}
