import { ancestorOf, type Parent, takenFrom } from '../../domain/context/ancestor.ts';
import { whyOther } from '../../domain/context/condition.ts';
import type { JsonObject } from '../../domain/context/json.ts';
import { pick } from '../../domain/context/place.ts';
import { marksWithin } from '../../domain/context/secrets.ts';
import type { Call } from '../../ports/calls.ts';
import type { Contexts, MergeSource } from '../../ports/contexts.ts';
import { type ErrorCode, type Failure, type Outcome, ok, refuse } from '../../protocol/common/errors.ts';
import type { ContextRef } from '../../protocol/context/address.ts';
import type { Context, ContextData, ContextId } from '../../protocol/context/context.ts';
import type { MergeContextsRequest, MergeStrategy } from '../../protocol/context/merge.ts';
import { contextAt, type NamedContext } from './identity.ts';

/** How often a merge is tried while others merge the same contexts. */
const MAX_ATTEMPTS = 3;

/** Why a parent cannot be read, and will not be readable soon. */
const NO_ANCESTOR: ReadonlySet<ErrorCode> = new Set(['context_not_found', 'context_scope_mismatch']);

/** A context that is merged, or some places of it. */
export interface Source {
  id: ContextId;
  /** How the request names it. */
  ref: ContextRef;
  /** JSON Pointers; null for all. */
  keys: string[] | null;
  /** The versions that are meant; any, if it is absent. */
  versions?: readonly number[] | undefined;
}

/** Merges contexts into one of them, or into another one. */
export async function mergeContexts(
  contexts: Contexts,
  call: Call,
  { context_ids, strategy, target_id }: MergeContextsRequest,
): Promise<Outcome<Context>> {
  const named = await Promise.all(context_ids.map((ref) => contextAt(contexts, call, ref)));
  const target = target_id === undefined ? named.at(-1)! : await contextAt(contexts, call, target_id);
  const sources = new Map(named.map(({ id }, index) => [id, context_ids[index]!]));
  sources.delete(target.id);
  if (sources.size === 0) {
    const message = 'must have a context other than the target';
    return refuse('validation_failed', 'There is nothing to merge.', { errors: [{ path: 'context_ids', message }] });
  }
  const existing = { id: target.id, home: target.home, ref: target_id ?? context_ids.at(-1)! };
  return mergeInto(
    contexts,
    call,
    existing,
    [...sources].map(([id, ref]) => ({ id, ref, keys: null })),
    strategy,
  );
}

/**
 * Merges sources into a context in one step at its home, which makes one version of it, or none. Nothing else changes,
 * so that an interrupted merge has not begun. The common ancestors are found before; if somebody else merges the same
 * contexts meanwhile, they are found again.
 *
 * @param target with `create`, it is made if it does not exist
 */
export async function mergeInto(
  contexts: Contexts,
  call: Call,
  target: NamedContext & { ref?: ContextRef },
  sources: readonly Source[],
  strategy: MergeStrategy,
): Promise<Outcome<Context>> {
  for (let attempt = 1; ; attempt++) {
    const known = await target.home.parents(readingOf(call));
    if (!known.ok && !(known.failure.code === 'context_not_found' && target.create)) return absent(known, target.ref);
    const parents = known.ok ? known.value : [];
    const gathered = await Promise.all(
      sources.map((source) => gather(contexts, call, { id: target.id, parents }, source)),
    );
    const found: MergeSource[] = [];
    for (const one of gathered) {
      if (!one.ok) return firstAnswer(call, target, one);
      found.push(one.value);
    }
    const merged = await target.home.merge(call, { strategy, sources: found }, target.create);
    const isTaken = !merged.ok && merged.failure.code === 'context_conflict' && call.if_match === undefined;
    if (!isTaken || attempt === MAX_ATTEMPTS) return merged;
  }
}

/** A repeated request gets its first answer, also if a source has been deleted since. Any other gets the failure. */
async function firstAnswer(call: Call, { home }: NamedContext, failure: Outcome<never>): Promise<Outcome<Context>> {
  if (!call.idempotency) return failure;
  const first = await home.repeated(call);
  if (!first.ok) return first.failure.code === 'context_not_found' ? failure : first;
  return first.value ? ok(first.value) : failure;
}

/** Of several contexts of a request, the one that does not exist is named. */
function absent({ failure }: { failure: Failure }, ref: ContextRef | undefined): Outcome<never> {
  if (failure.code !== 'context_not_found' || ref === undefined) return { ok: false, failure };
  return refuse('context_not_found', `There is no context ${ref}. It may have been deleted.`);
}

/** Reads a source, and its common ancestor with the target. */
async function gather(
  contexts: Contexts,
  call: Call,
  target: { id: ContextId; parents: readonly Parent[] },
  { id, ref, keys, versions: meant }: Source,
): Promise<Outcome<MergeSource>> {
  const { workspace } = call.principal;
  const taken = takenFrom(target.parents, id, keys)?.version ?? null;
  const read = await contexts.at(workspace, id).snapshot(readingOf(call), taken === null ? [] : [taken]);
  if (!read.ok) return absent(read, ref);
  const { version, parents, stamps, versions, secret_paths } = read.value;
  const other = whyOther(version, meant);
  if (other) return other;
  const part = (data: ContextData) => (keys === null ? data : pick(data as JsonObject, keys));
  const ancestor = ancestorOf(target, { id, parents }, keys);
  const source = {
    id,
    version,
    data: part(read.value.data),
    secret_paths: marksWithin(secret_paths, keys),
    stamps,
    keys,
    taken,
  };
  if (ancestor === null) return ok({ ...source, base: null });
  if (ancestor.of !== 'other') {
    const isOwn = ancestor.of === 'target';
    return ok({ ...source, base: isOwn ? { own_version: ancestor.version } : { data: part(versions[0]!) } });
  }
  const parent = await contexts.at(workspace, ancestor.id).snapshot(readingOf(call), [ancestor.version]);
  if (parent.ok) return ok({ ...source, base: { data: part(parent.value.versions[0]!) } });
  // A parent that is gone, or that the caller may not read, is no ancestor: then more places are conflicts.
  return NO_ANCESTOR.has(parent.failure.code) ? ok({ ...source, base: null }) : parent;
}

/** The call for what is read on the way. The key and the condition of the request are those of the merge. */
export function readingOf({ if_match: _, ...call }: Call): Call {
  return { ...call, idempotency: null };
}
