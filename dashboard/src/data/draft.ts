import { useEffect, useState } from 'react';

const PREFIX = 'oio.draft.';

/**
 * What the user has typed and not sent. It survives Escape, a reload, the end of its session, and a sign-out that the
 * user did not ask for; the tab keeps it.
 *
 * @param key names the form
 * @returns the draft, and functions that change and delete it
 */
export function useDraft<T>(key: string, empty: T) {
  const [draft, setDraft] = useState<T>(() => read(key) ?? empty);
  const isEmpty = JSON.stringify(draft) === JSON.stringify(empty);
  useEffect(() => {
    if (isEmpty) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, JSON.stringify(draft));
  }, [key, draft, isEmpty]);
  return {
    draft,
    isEmpty,
    set: setDraft,
    /** Deletes the draft at once, also if the form is about to leave the page. */
    clear: () => {
      sessionStorage.removeItem(PREFIX + key);
      setDraft(empty);
    },
  };
}

function read<T>(key: string): T | null {
  const text = sessionStorage.getItem(PREFIX + key);
  return text === null ? null : (JSON.parse(text) as T);
}

/** Deletes all drafts. */
export function deleteDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}
