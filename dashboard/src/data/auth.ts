import { useSyncExternalStore } from 'react';
import { ApiError } from '../../../src/client/errors.ts';
import { createRestClient } from '../../../src/client/rest-client.ts';
import { deleteDrafts } from './draft.ts';
import { observedFetch } from './reachability.ts';

/**
 * The sign-in state. The browser keeps the token until the user signs out, so that a link opened in another tab is
 * signed in. All tabs share it: signing out of one signs out of all.
 */
export type Auth =
  | { status: 'signed_out'; reason: string | null }
  | { status: 'checking' }
  | { status: 'signed_in'; token: string };

const KEY = 'oio.token';
const CODE_FRAGMENT = /^#code=(.+)$/;

let auth: Auth = initial();
const listeners = new Set<() => void>();

function initial(): Auth {
  const token = localStorage.getItem(KEY);
  return token ? { status: 'signed_in', token } : { status: 'signed_out', reason: null };
}

// Another tab has signed in or out.
addEventListener('storage', (event) => {
  if (event.storageArea === localStorage && (event.key === KEY || event.key === null)) show(initial());
});

function set(next: Auth): void {
  if (next.status === 'signed_in') localStorage.setItem(KEY, next.token);
  else if (next.status === 'signed_out') localStorage.removeItem(KEY);
  show(next);
}

function show(next: Auth): void {
  auth = next;
  for (const listener of listeners) listener();
}

export function useAuth(): Auth {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => auth,
  );
}

/** Removes a one-time code from the URL, so that it does not stay in the history, and exchanges it for a token. */
export async function signInFromAddress(): Promise<void> {
  const code = CODE_FRAGMENT.exec(location.hash)?.[1];
  if (!code) return;
  history.replaceState(null, '', location.pathname + location.search);
  await attempt(async () => (await clientFor(null).codes.redeem(decodeURIComponent(code))).token, {
    unauthorized: 'This sign-in link was used before or has expired. Create another one with “npm run oio -- open”.',
  });
}

/** Signs in with a token if the control plane accepts it. */
export function signIn(token: string): Promise<void> {
  return attempt(
    async () => {
      await clientFor(token).sessions.list({ page_size: 1 });
      return token;
    },
    { unauthorized: 'The control plane does not accept this token. Create another one with “npm run oio -- token”.' },
  );
}

/** @param reason why the user is signed out; null if the user asked for it, who then leaves no drafts behind */
export function signOut(reason: string | null = null): void {
  if (reason === null) deleteDrafts();
  if (auth.status !== 'signed_out') set({ status: 'signed_out', reason });
}

async function attempt(getToken: () => Promise<string>, texts: { unauthorized: string }): Promise<void> {
  const before = auth;
  set({ status: 'checking' });
  try {
    set({ status: 'signed_in', token: await getToken() });
  } catch (error) {
    const refused = error instanceof ApiError && error.status === 401;
    const reason = refused ? texts.unauthorized : error instanceof Error ? error.message : String(error);
    // A failed link does not sign out a user who is signed in.
    set(before.status === 'signed_in' ? before : { status: 'signed_out', reason });
  }
}

/** A client without watches, whose code only the page of a session needs. */
export function clientFor(token: string | null) {
  return createRestClient({ baseUrl: location.origin, token, fetch: observedFetch });
}
