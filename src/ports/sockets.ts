import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../protocol/common/ids.ts';
import type { Call } from './calls.ts';
import type { SocketPlace } from './workspace.ts';

/** Reaches the objects that hold sockets. */
export interface Sockets {
  /** Forwards a verified socket upgrade to the object that will hold the socket. */
  open(workspace: WorkspaceId, place: SocketPlace, upgrade: Request): Promise<Response>;
  /** Ends the sockets at an object that were opened with a token. */
  close(workspace: WorkspaceId, place: SocketPlace, tokenId: string): Promise<void>;
  /**
   * Waits on a watch socket until a session may have an event after a cursor, for at most `ms`. The session's object can
   * hibernate during the wait. The caller then reads the log, also if the time is over.
   * Fails with `too_many_requests` if the session has as many watchers as it may have.
   */
  nextEvent(call: Call, id: SessionId, cursor: string, ms: number): Promise<Outcome<null>>;
}

/** An object that holds sockets. */
export interface TokenSockets {
  /** Ends the sockets that were opened with a token. */
  closeSockets(tokenId: string): Promise<void>;
}
