import { sha256 } from '../application/token-signer.ts';
import type { Call } from '../ports/calls.ts';
import { hexOf } from '../protocol/common/hex.ts';
import { JSON_PATCH_TYPE, MERGE_PATCH_TYPE, mediaTypeIn } from '../protocol/common/media-types.ts';
import type { AppContext } from './context.ts';

/**
 * The context for calls on objects: principal, request id, and the idempotency key if the request has one.
 *
 * A key belongs to the token that sent it. If two callers choose the same key, neither gets the other's response. A
 * header cannot contain a line break, so no caller's key equals a key that the Worker derives from another key.
 *
 * @param body the request's JSON; requests with equal bodies of one type have the same fingerprint
 */
export async function callOf(c: AppContext, body: unknown): Promise<Call> {
  const given = c.req.header('Idempotency-Key');
  const principal = c.get('principal');
  const request_id = c.get('requestId');
  if (given === undefined) return { principal, request_id, idempotency: null };
  const type = mediaTypeIn(c.req.header('Content-Type'));
  const kind = type === MERGE_PATCH_TYPE || type === JSON_PATCH_TYPE ? ` ${type}` : '';
  const request = `${c.req.method}${kind} ${c.req.path}\n${canonicalJson(body ?? {})}`;
  const fingerprint = hexOf(new Uint8Array(await sha256(request)));
  return { principal, request_id, idempotency: { key: `${principal.token_id}\n${given}`, fingerprint } };
}

/** The same text for equal JSON values, whatever the order of their members. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
