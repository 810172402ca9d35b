import type { SessionId, WorkspaceId } from '../protocol/common/ids.ts';

/** Forwards a verified socket upgrade to the object that will hold the socket. */
export interface Sockets {
  toSession(workspace: WorkspaceId, id: SessionId, upgrade: Request): Promise<Response>;
  toAgentRegistry(workspace: WorkspaceId, upgrade: Request): Promise<Response>;
}

/** An object that holds sockets. */
export interface TokenSockets {
  /** Ends the sockets that were opened with a token. */
  closeSockets(tokenId: string): Promise<void>;
}
