import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { useClient } from './api.tsx';

/** A session that waits for a person to answer a permission or a question. */
interface WaitingSession {
  id: string;
  title: string;
}

export interface Waiting {
  /** The number of sessions that wait. */
  total: number;
  /** Some of them, the open one first, then the newest first. */
  sessions: WaitingSession[];
}

interface OpenSession extends WaitingSession {
  waits: boolean;
}

const POLL_MS = 4_000;
const NAMED = 5;

const WaitingContext = createContext<{ waiting: Waiting; setOpen: (session: OpenSession | null) => void } | null>(null);

/** Polls for the sessions that wait, also while the tab is in the background: its title and icon show them. */
export function WaitingProvider({ children }: { children: ReactNode }) {
  const client = useClient();
  const [open, setOpen] = useState<OpenSession | null>(null);
  const { data } = useQuery({
    queryKey: ['sessions', 'waiting'],
    queryFn: ({ signal }) => client.sessions.list({ waiting: 'true', page_size: NAMED }, { signal }),
    refetchInterval: POLL_MS,
    refetchIntervalInBackground: true,
  });
  const value = useMemo(() => {
    const listed = { total: data?.total ?? 0, sessions: data?.items ?? [] };
    return { waiting: withOpen(listed, open), setOpen };
  }, [data, open]);
  return <WaitingContext value={value}>{children}</WaitingContext>;
}

/** Corrects the list with what the open page knows of its session, because the page learns of it first. */
export function withOpen({ total, sessions }: Waiting, open: OpenSession | null): Waiting {
  if (open === null) return { total, sessions };
  const others = sessions.filter(({ id }) => id !== open.id);
  const listed = others.length < sessions.length ? 1 : 0;
  return {
    total: total - listed + (open.waits ? 1 : 0),
    sessions: open.waits ? [{ id: open.id, title: open.title }, ...others] : others,
  };
}

function useWaitingContext() {
  const context = useContext(WaitingContext);
  if (!context) throw new Error('The page is outside WaitingProvider. Only pages behind the sign-in are inside.');
  return context;
}

/** The sessions that wait for a person. */
export function useWaiting(): Waiting {
  return useWaitingContext().waiting;
}

/** Tells the other parts of the page whether the session of this page waits. */
export function useReportWaiting(id: string, title: string, waits: boolean): void {
  const { setOpen } = useWaitingContext();
  useEffect(() => {
    setOpen({ id, title, waits });
    return () => setOpen(null);
  }, [setOpen, id, title, waits]);
}
