import { sha256 } from '../application/token-signer.ts';
import type { Call } from '../ports/calls.ts';
import type { AppContext } from './context.ts';

/** What goes with the call on an object: principal, request id and, where the caller sent one, idempotency key. */
export async function callOf(c: AppContext): Promise<Call> {
  const key = c.req.header('Idempotency-Key');
  const principal = c.get('principal');
  const request_id = c.get('requestId');
  if (key === undefined) return { principal, request_id, idempotency: null };
  const fingerprint = hex(await sha256(`${c.req.method} ${c.req.path}\n${c.get('bodyText') ?? ''}`));
  return { principal, request_id, idempotency: { key, fingerprint } };
}

function hex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
