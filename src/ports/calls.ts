import type { SessionId, TaskId } from '../protocol/common/ids.ts';
import type { Principal } from '../protocol/workspace/token.ts';

/** The context of every call on an object: the principal, the HTTP request's id and the idempotency key. */
export interface Call {
  principal: Principal;
  request_id: string;
  /** `fingerprint`: SHA-256 (hex) of method, path and body. A key that is reused with another one is rejected. */
  idempotency: { key: string; fingerprint: string } | null;
  /** The lease under which it is made, which its session has confirmed; absent without one. */
  lease?: { task_id: TaskId; epoch: number; session_id: SessionId; agent_id: string };
  /** The versions of the session for which the call is meant; absent if it is meant for any. */
  if_match?: number[] | undefined;
}

/** The header in which the Worker passes the verified principal (JSON) to an object with a socket upgrade. */
export const PRINCIPAL_HEADER = 'x-oio-principal';
/** The header in which the Worker passes the lease that the session has confirmed (JSON of `Call.lease`), if there is one. */
export const CALL_LEASE_HEADER = 'x-oio-lease';
/** The header with the socket's id in the workspace's records. It is absent if the token cannot end. */
export const SOCKET_ID_HEADER = 'x-oio-socket';
