import { keepPreviousData, useInfiniteQuery, useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ApiError } from '../../../src/client/errors.ts';
import { watchContext } from '../../../src/client/watch-context.ts';
import { sourceText } from '../../../src/domain/context/source-text.ts';
import { signOutIfUnauthorized, useClient } from './api.tsx';

/** A context that does not exist cannot be watched. */
const UNWRITTEN_REFRESH_MS = 3_000;
/** Its links and its open conflicts change without a version, so that a watch does not hear of it. */
const REFRESH_MS = 15_000;
const CHANGES_PER_PAGE = 20;
/** The contexts that are read to name them. */
const MAX_SOURCES = 20;

/** The key of all that is read of a context. @param ref its id or its address */
export function sharedContextKey(ref: string) {
  return ['shared-context', ref] as const;
}

/** A context, read again when it has a new version; null if nobody has written to it yet. */
export function useSharedContext(ref: string) {
  const client = useClient();
  const queries = useQueryClient();
  const read = useQuery({
    queryKey: sharedContextKey(ref),
    queryFn: async ({ signal }) => {
      try {
        return await client.contexts.get(ref, {}, { signal });
      } catch (error) {
        if (error instanceof ApiError && error.code === 'context_not_found') return null;
        throw error;
      }
    },
    refetchInterval: ({ state }) => (state.data === null ? UNWRITTEN_REFRESH_MS : REFRESH_MS),
  });
  const id = read.data?.id;
  useEffect(() => {
    if (id === undefined) return;
    const readAgain = () => void queries.invalidateQueries({ queryKey: sharedContextKey(ref), exact: true });
    const target = { baseUrl: location.origin, rest: client, WebSocket: globalThis.WebSocket };
    const watch = watchContext(target, id, { onValue: readAgain });
    void watch.ended.then((refusal) => {
      if (!refusal) return;
      signOutIfUnauthorized(refusal);
      // The read says why, such as that the context was deleted.
      readAgain();
    });
    return () => watch.close();
  }, [client, queries, ref, id]);
  return read;
}

/** The changes of a context, the newest first, page by page. Read once more when `version` changes. */
export function useContextHistory(ref: string, version: number) {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: [...sharedContextKey(ref), 'history', version],
    queryFn: ({ pageParam, signal }) =>
      client.contexts.history(
        ref,
        { page_size: CHANGES_PER_PAGE, ...(pageParam !== null && { cursor: pageParam }) },
        { signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

/** Who has made the oldest version that is kept, and when. @param version null while it is not known or not needed */
export function useOldestVersion(ref: string, version: number | null) {
  const client = useClient();
  return useQuery({
    queryKey: [...sharedContextKey(ref), 'oldest', version],
    queryFn: async ({ signal }) => {
      const { updated_at, updated_by } = await client.contexts.get(ref, { version: version ?? 1 }, { signal });
      return { version: version ?? 1, at: updated_at, by: updated_by };
    },
    enabled: version !== null,
    staleTime: Infinity,
  });
}

/** The open conflicts of merges into a context. @param count how many there are: without any, nothing is read */
export function useContextConflicts(ref: string, version: number, count: number) {
  const client = useClient();
  return useQuery({
    queryKey: [...sharedContextKey(ref), 'conflicts', version, count],
    queryFn: ({ signal }) => client.contexts.conflicts(ref, { signal }),
    enabled: count > 0,
    placeholderData: keepPreviousData,
  });
}

/** The names of agents by their ids. An agent that cannot be read has none. */
export function useAgentNames(ids: readonly (string | null)[]): ReadonlyMap<string, string> {
  const client = useClient();
  const wanted = [...new Set(ids)].filter((id) => id !== null);
  return useQueries({
    queries: wanted.map((id) => ({
      queryKey: ['agent-name', id],
      queryFn: async () => (await client.agents.get(id)).name,
      staleTime: Infinity,
    })),
    combine: (names) => new Map(names.flatMap(({ data }, index) => (data ? [[wanted[index]!, data] as const] : []))),
  });
}

/** Contexts in words, by their ids. One that cannot be read has none. */
export function useSourceTexts(ids: readonly string[], sessionId: string): ReadonlyMap<string, string> {
  const client = useClient();
  const wanted = [...new Set(ids)].slice(0, MAX_SOURCES);
  return useQueries({
    queries: wanted.map((id) => ({
      queryKey: ['context-source', id, sessionId],
      queryFn: async () => sourceText(await client.contexts.get(id), sessionId),
      staleTime: Infinity,
      retry: false,
    })),
    combine: (texts) => new Map(texts.flatMap(({ data }, index) => (data ? [[wanted[index]!, data] as const] : []))),
  });
}
