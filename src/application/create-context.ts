import type { Call } from '../ports/calls.ts';
import type { Contexts } from '../ports/contexts.ts';
import type { Effects } from '../ports/effects.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import { hexOf } from '../protocol/common/hex.ts';
import type { Context, ContextId } from '../protocol/context/context.ts';
import type { CreateContextRequest } from '../protocol/context/requests.ts';
import { type Creation, createOnce, type WorkspaceDigest } from './create-once.ts';

interface Dependencies {
  contexts: Contexts;
  digest: WorkspaceDigest;
  effects: Effects;
}

/** Creates a context under a new id. With an idempotency key, a repeat within a day gets the same one; see `createOnce`. */
export async function createContext(
  { contexts, digest, effects }: Dependencies,
  call: Call,
  request: CreateContextRequest,
): Promise<Outcome<Context>> {
  const { workspace } = call.principal;
  const creation: Creation<ContextId, Context> = {
    randomId: () => effects.uuid(),
    idOfUse: async ({ period, index }) =>
      uuidFrom(await digest(workspace, `context\n${call.idempotency!.key}\n${period}\n${index}`)),
    create: (id) => contexts.at(workspace, id).create(call, id, request),
    createdAt: (id) => contexts.at(workspace, id).createdAt(call),
  };
  return createOnce(creation, call, effects);
}

/** A UUID of version 8 (RFC 9562) from the first 16 bytes. */
function uuidFrom(bytes: Uint8Array): string {
  const uuid = bytes.slice(0, 16);
  uuid[6] = 0x80 | (uuid[6]! & 0x0f);
  uuid[8] = 0x80 | (uuid[8]! & 0x3f);
  const hex = hexOf(uuid);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
