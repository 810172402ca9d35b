import { readerOf, whyMayNot } from '../../domain/context/access.ts';
import type { Call } from '../../ports/calls.ts';
import type { Contexts } from '../../ports/contexts.ts';
import type { Effects } from '../../ports/effects.ts';
import type { Outcome } from '../../protocol/common/errors.ts';
import { hexOf } from '../../protocol/common/hex.ts';
import { type ContextOwner, MAIN } from '../../protocol/context/address.ts';
import type { Context } from '../../protocol/context/context.ts';
import type { CreateContextRequest } from '../../protocol/context/requests.ts';
import { type Creation, createOnce, type WorkspaceDigest } from '../create-once.ts';
import { contextOf } from './identity.ts';
import { type Owners, ownerExists } from './owner-exists.ts';

interface Dependencies extends Owners {
  contexts: Contexts;
  digest: WorkspaceDigest;
  effects: Effects;
}

/** How many bytes a random name has. */
const NAME_BYTES = 16;

/**
 * Creates a context. Its id derives from its owner and its name, so that the same name again fails with
 * `context_exists`. A temporary context without a name gets a random one; with an idempotency key, a repeat within a day
 * gets the same one (`createOnce`).
 */
export async function createContext(
  { contexts, digest, effects, ...owners }: Dependencies,
  call: Call,
  { name, data, secret_paths, ...request }: CreateContextRequest,
): Promise<Outcome<Context>> {
  const { scope, session_id, agent_id } = request;
  const owner = { scope, session_id: session_id ?? null, agent_id: agent_id ?? null };
  const refusal = whyMayNot(readerOf(call), 'write', owner);
  if (refusal) return refusal;
  const known = await ownerExists(owners, call, owner);
  if (!known.ok) return known;
  const create = async (named: string) => {
    const { home, create: context } = await contextOf(contexts, call, { ...owner, name: named });
    return home.create(call, context!, data, secret_paths);
  };
  if (name !== undefined || scope !== 'temporary') return create(name ?? MAIN);
  const { workspace } = call.principal;
  const creation: Creation<ContextOwner['name'], Context> = {
    randomId: () => hexOf(effects.randomBytes(NAME_BYTES)),
    idOfUse: async ({ period, index }) =>
      hexOf((await digest(workspace, `context\n${call.idempotency!.key}\n${period}\n${index}`)).slice(0, NAME_BYTES)),
    create,
    createdAt: async (named) => (await contextOf(contexts, call, { ...owner, name: named })).home.createdAt(call),
  };
  return createOnce(creation, call, effects);
}
