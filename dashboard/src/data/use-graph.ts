import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useClient } from './api.tsx';

/** The critical path and the predictions of a session's tasks. Read once more when `version` changes. */
export function useGraph(sessionId: string, version: string) {
  const client = useClient();
  return useQuery({
    queryKey: ['graph', sessionId, version],
    queryFn: ({ signal }) => client.tasks.graph(sessionId, {}, { signal }),
    placeholderData: keepPreviousData,
  });
}
