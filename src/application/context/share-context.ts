import { whyOther } from '../../domain/context/condition.ts';
import { pathOf, valueAt } from '../../domain/context/edits.ts';
import type { JsonObject } from '../../domain/context/json.ts';
import type { Call } from '../../ports/calls.ts';
import type { Contexts } from '../../ports/contexts.ts';
import { type Outcome, refuse } from '../../protocol/common/errors.ts';
import { type ContextOwner, type ContextRef, MAIN } from '../../protocol/context/address.ts';
import type { Context, ContextScope } from '../../protocol/context/context.ts';
import type { PromoteContextRequest, ShareContextRequest } from '../../protocol/context/merge.ts';
import { contextAt, contextOf, type NamedContext } from './identity.ts';
import { mergeInto, readingOf } from './merge-contexts.ts';
import { type Owners, ownerExists } from './owner-exists.ts';

interface Dependencies extends Owners {
  contexts: Contexts;
}

/** How many may read the contexts of each scope: the more, the wider. */
const WIDTH: Record<ContextScope, number> = { temporary: 0, session: 1, agent: 1, global: 2 };

/** Gives a context, or some places of it, to another session: as a copy, or as a link. */
export async function shareContext(
  deps: Dependencies,
  call: Call,
  ref: ContextRef,
  { target_session_id, mode, name, keys }: ShareContextRequest,
): Promise<Outcome<Context>> {
  const { contexts } = deps;
  const source = await readSource(contexts, call, ref);
  if (!source.ok) return source;
  const wrong = whyWrong(source.value, keys);
  if (wrong) return wrong;
  const asked = withoutCondition(call);
  const owner = { scope: 'session', session_id: target_session_id, agent_id: null } as const;
  const target = await targetOf(deps, asked, source.value, {
    ...owner,
    // Only what the main context links to is effective.
    name: name ?? (mode === 'link' ? MAIN : source.value.name),
  });
  if (!target.ok) return target;
  const link = { id: source.value.id, keys: keys?.map(pointerTo) ?? null };
  if (mode === 'link') return target.value.home.link(asked, link, target.value.create);
  return mergeInto(contexts, asked, target.value, [{ ...link, ref, versions: call.if_match }], 'manual');
}

/** Gives what is in a context to a wider scope, as a merge that overwrites nothing. */
export async function promoteContext(
  deps: Dependencies,
  call: Call,
  ref: ContextRef,
  { scope, name, keys, ...ids }: PromoteContextRequest,
): Promise<Outcome<Context>> {
  const source = await readSource(deps.contexts, call, ref);
  if (!source.ok) return source;
  const wrong = whyWrong(source.value, keys);
  if (wrong) return wrong;
  if (WIDTH[scope] <= WIDTH[source.value.scope]) {
    const detail = `The scope ${scope} is not wider than ${source.value.scope}. To give it to another session, share it.`;
    return refuse('context_scope_mismatch', detail);
  }
  const { session_id = null, agent_id = null } = ids as Partial<Pick<ContextOwner, 'session_id' | 'agent_id'>>;
  const owner = { scope, session_id, agent_id, name: name ?? source.value.name };
  const asked = withoutCondition(call);
  const target = await targetOf(deps, asked, source.value, owner);
  if (!target.ok) return target;
  const given = { id: source.value.id, ref, keys: keys?.map(pointerTo) ?? null, versions: call.if_match };
  return mergeInto(deps.contexts, asked, target.value, [given], 'manual');
}

/** The context that is given. The condition of the request is about it, because the request has its path. */
async function readSource(contexts: Contexts, call: Call, ref: ContextRef): Promise<Outcome<Context>> {
  const read = await (await contextAt(contexts, call, ref)).home.read(readingOf(call));
  return (read.ok && whyOther(read.value.version, call.if_match)) || read;
}

/** Refuses places that give nothing: those without a value, and those in arrays, which go as a whole. */
function whyWrong(source: Context, keys: readonly string[] = []): Outcome<never> | null {
  const data = source.data as JsonObject;
  const errors = keys.flatMap((key, index) => {
    const place = pathOf(pointerTo(key));
    if (valueAt(data, place) !== undefined) return [];
    const isItem = place.some((_, length) => Array.isArray(valueAt(data, place.slice(0, length))));
    const message = isItem ? 'leads into an array; name the array' : 'names nothing in the context';
    return [{ path: `keys.${index}`, message: `${key} ${message}` }];
  });
  if (errors.length === 0) return null;
  return refuse('validation_failed', `The keys cannot be given: ${errors[0]!.message}.`, { errors });
}

function withoutCondition({ if_match: _, ...call }: Call): Call {
  return call;
}

async function targetOf(
  { contexts, ...owners }: Dependencies,
  call: Call,
  source: Context,
  owner: ContextOwner,
): Promise<Outcome<NamedContext>> {
  const target = await contextOf(contexts, call, owner);
  if (target.id === source.id) {
    const message = 'is the context itself';
    return refuse('validation_failed', 'A context cannot be given to itself.', { errors: [{ path: 'name', message }] });
  }
  const known = await ownerExists(owners, call, owner);
  return known.ok ? { ok: true, value: target } : known;
}

/** A place with its first slash. */
export function pointerTo(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
