import { readerOf, rightsOf, whyMayNot } from '../../domain/context/access.ts';
import { differenceOf, maskedDifference } from '../../domain/context/difference.ts';
import { pathOf, pointerOf } from '../../domain/context/edits.ts';
import type { JsonObject } from '../../domain/context/json.ts';
import { mask, shownPlace } from '../../domain/context/secrets.ts';
import type { Call } from '../../ports/calls.ts';
import type { Contexts } from '../../ports/contexts.ts';
import { type Outcome, ok } from '../../protocol/common/errors.ts';
import type { ContextRef } from '../../protocol/context/address.ts';
import type { Context, ContextDiff } from '../../protocol/context/context.ts';
import { contextAt, type NamedContext } from './identity.ts';

/**
 * The difference from one context to another one. What is secret in one of them is masked in both. A caller that may see
 * the secrets of both learns whether they differ; for any other one, all secrets are the same.
 */
export async function diffContexts(
  contexts: Contexts,
  call: Call,
  id: ContextRef,
  other: ContextRef,
): Promise<Outcome<ContextDiff>> {
  const named = await Promise.all([id, other].map((ref) => contextAt(contexts, call, ref)));
  const [before, after] = await Promise.all(named.map((one) => readable(one, call)));
  if (!before!.ok) return before!;
  if (!after!.ok) return after!;
  const hasSecrets = [before!, after!].some(({ value }) => value.secret_paths.length > 0);
  const [from, to] = [before!.value.data, after!.value.data] as [JsonObject, JsonObject];
  const seesBoth = [before!, after!].every(({ value }) => rightsOf(readerOf(call), value).secrets);
  if (!hasSecrets || !seesBoth) return ok(differenceOf(from, to));
  const [known, now] = await Promise.all(named.map(({ home }) => home.read(call)));
  if (!known!.ok) return known!;
  if (!now!.ok) return now!;
  const marks = [...known!.value.secret_paths, ...now!.value.secret_paths];
  const [old, data] = [known!.value.data, now!.value.data] as [JsonObject, JsonObject];
  return ok(
    maskedDifference(differenceOf(old, data), {
      mask: (value, path) => mask(value, pathOf(path), marks, data),
      placeOf: (path) => pointerOf(shownPlace(pathOf(path), marks, data)),
    }),
  );
}

/** A context without its secrets, if the caller may read it. */
async function readable({ home }: NamedContext, call: Call): Promise<Outcome<Context>> {
  const read = await home.readMasked(call);
  return (read.ok && whyMayNot(readerOf(call), 'read', read.value)) || read;
}
