import { readerOf, whyMayNot } from '../../domain/context/access.ts';
import type { JsonObject } from '../../domain/context/json.ts';
import { overlay } from '../../domain/context/overlay.ts';
import { pick } from '../../domain/context/place.ts';
import type { Call } from '../../ports/calls.ts';
import type { Contexts } from '../../ports/contexts.ts';
import { type Outcome, ok } from '../../protocol/common/errors.ts';
import { type ContextOwner, MAIN } from '../../protocol/context/address.ts';
import type { Context, ContextLink } from '../../protocol/context/context.ts';
import type { EffectiveContext } from '../../protocol/context/merge.ts';
import { contextOf } from './identity.ts';
import { type Owners, ownerExists } from './owner-exists.ts';

/** A context and what of it counts. */
interface Layer {
  context: Context;
  data: JsonObject;
}

/**
 * What counts for a session and an agent: the main contexts of the temporary scope, of the session, of the agent and of
 * the workspace, laid over each other, the nearest first. What a context links to counts behind it. Secrets are masked.
 */
export async function effectiveContext(
  contexts: Contexts,
  call: Call,
  asked: { session_id?: string | undefined; agent_id?: string | undefined },
): Promise<Outcome<EffectiveContext>> {
  const owners = ownersOf(asked.session_id ?? null, asked.agent_id ?? null);
  for (const owner of owners) {
    const refusal = whyMayNot(readerOf(call), 'read', owner);
    if (refusal) return refusal;
  }
  const read = await Promise.all(owners.map((owner) => layersOf(contexts, call, owner)));
  const layers: Layer[] = [];
  for (const one of read) {
    if (!one.ok) return one;
    layers.push(...one.value);
  }
  const { value, origins } = overlay(layers.map(({ data }) => data));
  return ok({
    data: value,
    layers: layers.map(({ context: { id, scope, name, version } }) => ({ context_id: id, scope, name, version })),
    origins: origins.map(({ path, layer }) => ({ path, context_id: layers[layer]!.context.id })),
  });
}

/** What is effective, as a request asks for it. Fails with `not_found` if there is no such session or agent. */
export async function readEffective(
  { contexts, ...owners }: Owners & { contexts: Contexts },
  call: Call,
  asked: { session_id?: string | undefined; agent_id?: string | undefined },
): Promise<Outcome<EffectiveContext>> {
  const effective = await effectiveContext(contexts, call, asked);
  if (!effective.ok) return effective;
  for (const owner of ownersOf(asked.session_id ?? null, asked.agent_id ?? null)) {
    // A context shows that its owner exists.
    const { id } = await contextOf(contexts, call, owner);
    if (owner.scope === 'temporary' || effective.value.layers.some(({ context_id }) => context_id === id)) continue;
    const known = await ownerExists(owners, call, owner);
    if (!known.ok) return known;
  }
  return effective;
}

function ownersOf(session_id: string | null, agent_id: string | null): ContextOwner[] {
  const nobody = { session_id: null, agent_id: null, name: MAIN };
  const ofSession = session_id === null ? [] : [{ ...nobody, session_id }];
  const ofAgent = agent_id === null ? [] : [{ ...nobody, agent_id }];
  return [
    ...[...ofSession, ...ofAgent].map((owner) => ({ ...owner, scope: 'temporary' as const })),
    ...ofSession.map((owner) => ({ ...owner, scope: 'session' as const })),
    ...ofAgent.map((owner) => ({ ...owner, scope: 'agent' as const })),
    { ...nobody, scope: 'global' },
  ];
}

/** The context of an owner with what it links to; nothing if there is none. */
async function layersOf(contexts: Contexts, call: Call, owner: ContextOwner): Promise<Outcome<Layer[]>> {
  const { home } = await contextOf(contexts, call, owner);
  const read = await home.readMasked(call);
  if (!read.ok) return read.failure.code === 'context_not_found' ? ok([]) : read;
  const layers: Layer[] = [{ context: read.value, data: read.value.data as JsonObject }];
  for (const linked of await Promise.all(read.value.links.map((link) => linkedLayer(contexts, call, link)))) {
    if (!linked.ok) return linked;
    layers.push(...linked.value);
  }
  return ok(layers);
}

/** What a link shows; nothing if its context is gone. */
async function linkedLayer(contexts: Contexts, call: Call, { id, keys }: ContextLink): Promise<Outcome<Layer[]>> {
  const read = await contexts.at(call.principal.workspace, id).readMasked(call);
  if (!read.ok) return read.failure.code === 'context_not_found' ? ok([]) : read;
  const data = read.value.data as JsonObject;
  return ok([{ context: read.value, data: keys === null ? data : pick(data, keys) }]);
}
