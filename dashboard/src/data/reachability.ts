import { useSyncExternalStore } from 'react';

/** Statuses with which a proxy, or the Worker, says that the control plane cannot answer now. */
const AWAY: readonly number[] = [502, 503, 504];

/** Since when calls get no answer, in ms since the epoch; null while the control plane answers. */
let awaySince: number | null = null;
const listeners = new Set<() => void>();

/** `fetch` that notes at once whether the control plane answers, before the client repeats a call. */
export async function observedFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  try {
    const response = await fetch(input, init);
    note(!AWAY.includes(response.status));
    return response;
  } catch (error) {
    const reason: unknown = init?.signal?.aborted ? init.signal.reason : null;
    // The page ends a call that it no longer needs. That says nothing about the control plane.
    const isUnwanted = reason instanceof DOMException && reason.name === 'AbortError';
    if (!isUnwanted) note(false);
    throw error;
  }
}

function note(answers: boolean): void {
  if (answers === (awaySince === null)) return;
  awaySince = answers ? null : Date.now();
  for (const listener of listeners) listener();
}

/** Since when the control plane has not answered, in ms since the epoch; null while it does. */
export function useAwaySince(): number | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => awaySince,
  );
}
