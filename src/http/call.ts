import { sha256 } from '../application/token-signer.ts';
import type { Call } from '../ports/calls.ts';
import type { AppContext } from './context.ts';

/** The context for calls on objects: principal, request id, and the idempotency key if the request has one. */
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
