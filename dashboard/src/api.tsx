import { QueryCache, QueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import type { Client } from '../../src/client/client.ts';
import { ApiError } from '../../src/client/errors.ts';
import { clientFor, signOut } from './auth.ts';

const ClientContext = createContext<Client | null>(null);

export function ClientProvider({ token, children }: { token: string; children: ReactNode }) {
  const client = useMemo(() => clientFor(token), [token]);
  return <ClientContext value={client}>{children}</ClientContext>;
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

export function createQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: noteRefusal }),
    defaultOptions: {
      // The client has tried again already; what reaches this point is to be shown.
      queries: { retry: false },
      mutations: { retry: false, onError: noteRefusal },
    },
  });
}
