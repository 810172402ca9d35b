import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import type { Client } from '../../../src/client/client.ts';
import { ApiError } from '../../../src/client/errors.ts';
import { clientFor, signOut } from './auth.ts';

const ClientContext = createContext<Client | null>(null);

/** What is below acts as this token's holder, and sees nothing that was read by another's. */
export function ClientProvider({ token, children }: { token: string; children: ReactNode }) {
  const { client, queries } = useMemo(() => ({ client: clientFor(token), queries: createQueryClient() }), [token]);
  return (
    <QueryClientProvider client={queries}>
      <ClientContext value={client}>{children}</ClientContext>
    </QueryClientProvider>
  );
}

/** The client of whoever is signed in. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error('useClient is for pages behind the sign-in');
  return client;
}

/** The token's end is everyone's end: back to the sign-in, with the reason. */
export function noteRefusal(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) signOut('Your token has expired or was revoked.');
}

function createQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: noteRefusal }),
    defaultOptions: {
      // The client has tried again already; what reaches this point is to be shown.
      queries: { retry: false },
      mutations: { retry: false, onError: noteRefusal },
    },
  });
}
