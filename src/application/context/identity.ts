import type { Call } from '../../ports/calls.ts';
import type { ContextApi, Contexts, NewContext } from '../../ports/contexts.ts';
import { hexOf } from '../../protocol/common/hex.ts';
import type { WorkspaceId } from '../../protocol/common/ids.ts';
import { type ContextOwner, type ContextRef, ownerAt } from '../../protocol/context/address.ts';
import type { ContextId } from '../../protocol/context/context.ts';
import { sha256 } from '../token-signer.ts';

/**
 * A context that a request names. `create`: what it is, if the request has its address, so that a write can make it.
 */
export interface NamedContext {
  id: ContextId;
  home: ContextApi;
  create?: NewContext;
}

/**
 * The id of an owner's context: a UUID of version 8 (RFC 9562) from a hash, so that every isolate derives it without a
 * lookup. Objects have the workspace in their names, so that the id is no secret.
 */
export async function contextIdOf(
  workspace: WorkspaceId,
  { scope, session_id, agent_id, name }: ContextOwner,
): Promise<ContextId> {
  const text = ['context', workspace, scope, session_id ?? '', agent_id ?? '', name].join('\n');
  const uuid = new Uint8Array(await sha256(text)).slice(0, 16);
  uuid[6] = 0x80 | (uuid[6]! & 0x0f);
  uuid[8] = 0x80 | (uuid[8]! & 0x3f);
  const hex = hexOf(uuid);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** An owner's context in the caller's workspace. */
export async function contextOf(contexts: Contexts, call: Call, owner: ContextOwner): Promise<NamedContext> {
  const { workspace } = call.principal;
  const id = await contextIdOf(workspace, owner);
  return { id, home: contexts.at(workspace, id), create: { id, ...owner } };
}

/** The context of an id or an address in the caller's workspace. */
export async function contextAt(contexts: Contexts, call: Call, ref: ContextRef): Promise<NamedContext> {
  const owner = ownerAt(ref);
  if (owner) return contextOf(contexts, call, owner);
  return { id: ref, home: contexts.at(call.principal.workspace, ref) };
}
