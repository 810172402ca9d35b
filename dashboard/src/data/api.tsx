import { QueryCache, QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { ApiError } from '../../../src/client/errors.ts';
import type { RestClient } from '../../../src/client/rest.ts';
import { rolesWith } from '../../../src/domain/permissions.ts';
import type { Permission } from '../../../src/protocol/endpoints/endpoint.ts';
import type { PrincipalView } from '../../../src/protocol/workspace/token.ts';
import { clientFor, signOut } from './auth.ts';

const ClientContext = createContext<RestClient | null>(null);

/**
 * Provides a client for this token and a query cache of its own, so that no data of another token's holder is shown.
 */
export function ClientProvider({ token, children }: { token: string; children: ReactNode }) {
  const { client, queries } = useMemo(() => ({ client: clientFor(token), queries: createQueryClient() }), [token]);
  return (
    <QueryClientProvider client={queries}>
      <ClientContext value={client}>{children}</ClientContext>
    </QueryClientProvider>
  );
}

/** The client with the signed-in user's token. */
export function useClient(): RestClient {
  const client = useContext(ClientContext);
  if (!client)
    throw new Error('useClient was called outside ClientProvider. Only pages behind the sign-in have a client.');
  return client;
}

/** The signed-in user's token; null until it is known. */
export function usePrincipal(): PrincipalView | null {
  const client = useClient();
  const me = useQuery({ queryKey: ['me'], queryFn: ({ signal }) => client.me({ signal }), staleTime: Infinity });
  return me.data ?? null;
}

/** Whether the user's role has a permission; false until the role is known. Pages offer only permitted actions. */
export function useMay(permission: Permission): boolean {
  const principal = usePrincipal();
  return principal !== null && rolesWith(permission).includes(principal.role);
}

/** Signs the user out if the error says that the token is no longer valid. */
export function signOutIfUnauthorized(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) signOut('Your token has expired or was revoked.');
}

function createQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: signOutIfUnauthorized }),
    defaultOptions: {
      // The client has retried already, so an error that arrives here is shown.
      queries: { retry: false },
      mutations: { retry: false, onError: signOutIfUnauthorized },
    },
  });
}
