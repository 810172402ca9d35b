import { ApiError } from '../../src/client/errors.ts';
import type { RestClient } from '../../src/client/rest.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import { merge } from '../../src/domain/context/merge.ts';
import type { Context } from '../../src/protocol/context/context.ts';

/** The merge of the context of a task into that of its session: the addresses of both. */
interface Merging {
  contexts: RestClient['contexts'];
  own: string;
  target: string;
}

/** The places about which a merge has to decide: both sides have changed them in different ways. */
export async function differing({ contexts, own: address, target }: Merging, own: Context): Promise<string[]> {
  const session = await contexts.get(target).catch(unlessAbsent);
  if (session === null) return [];
  const taken = session.parents.find(({ id, keys }) => id === own.id && keys === null);
  // Versions that are no longer kept are no ancestor here. Then more places count as different.
  const base = taken && (await contexts.get(address, { version: taken.version }).catch(() => undefined));
  const [from, ours, theirs] = [base?.data, session.data, own.data] as [JsonObject | undefined, JsonObject, JsonObject];
  return merge(from, ours, theirs).conflicts.map(({ path }) => path);
}

/** The places that wait for an answer since the merge. */
export async function waiting({ contexts, target }: Merging, { id }: Context): Promise<string[]> {
  const places: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await contexts.listConflicts(target, cursor === undefined ? {} : { cursor });
    places.push(...page.items.filter(({ source_id }) => source_id === id).map(({ path }) => path));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return places;
}

/** Null in place of what does not exist. */
export function unlessAbsent(error: unknown): null {
  if (error instanceof ApiError && ['context_not_found', 'not_found'].includes(error.code)) return null;
  throw error;
}
