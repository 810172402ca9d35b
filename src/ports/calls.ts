import type { Principal } from '../protocol/workspace/token.ts';

/** What goes with every call on an object: who asks, for which request, and under which idempotency key. */
export interface Call {
  principal: Principal;
  request_id: string;
  /** `fingerprint`: SHA-256 (hex) of method, path and body: the same key with another one is refused. */
  idempotency: { key: string; fingerprint: string } | null;
}

/** The header in which the Worker hands the verified principal (JSON) to an object with a socket upgrade. */
export const PRINCIPAL_HEADER = 'x-oio-principal';
