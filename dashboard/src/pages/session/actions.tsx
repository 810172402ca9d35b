import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { SessionAction, SessionStatus } from '../../../../src/protocol/common/enums.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { sessionKey } from '../../data/use-session.ts';
import { Button } from '../../ui/button.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';
import { ActionDialog, type ActionWithDialog } from './action-dialog.tsx';

const TEXTS: Record<SessionAction, string> = {
  start: 'Start',
  resume: 'Resume',
  pause: 'Pause',
  retry: 'Retry',
  complete: 'Complete',
  fail: 'Fail',
  stop: 'Stop',
  cancel: 'Cancel',
};
const ORDER = Object.keys(TEXTS) as SessionAction[];
const STRONG: readonly SessionAction[] = ['start', 'resume', 'retry'];

/** Actions for work that was done elsewhere. They stand apart, so that nobody mistakes them for “Stop”. */
const RARE: readonly SessionAction[] = ['complete', 'fail'];

interface ActionsProps {
  session: SessionView;
  status: SessionStatus;
  /** The page has lost the session, so nothing can be asked of it. */
  past: boolean;
}

/** Buttons for the actions that are legal now and that the user's role may perform. */
export function Actions({ session, status, past }: ActionsProps) {
  const client = useClient();
  const queries = useQueryClient();
  const mayAct = useMay('operate');
  const [asking, setAsking] = useState<ActionWithDialog | null>(null);
  const act = useMutation({
    mutationFn: (action: 'start' | 'pause' | 'resume' | 'stop') => client.sessions.act(session.id, action),
    // The response is not used, because the log may be ahead of it. Also after an error, legal actions may have
    // changed.
    onSettled: () => queries.invalidateQueries({ queryKey: sessionKey(session.id) }),
  });
  const press = (action: SessionAction) => {
    if (action === 'start' || action === 'pause' || action === 'resume' || action === 'stop') act.mutate(action);
    else setAsking(action);
  };
  if (!mayAct) return null;
  const legal = ORDER.filter((action) => session.legal_actions.includes(action));
  const rare = legal.filter((action) => RARE.includes(action));
  const button = (action: SessionAction) => (
    <Button
      key={action}
      look={action === 'cancel' ? 'danger' : STRONG.includes(action) ? 'strong' : 'plain'}
      busy={act.isPending && act.variables === action}
      // While the log is ahead of the view, the legal actions are being refetched.
      disabled={act.isPending || session.status !== status || past}
      onClick={() => press(action)}
      className="min-h-9! px-2! sm:px-3!"
    >
      {TEXTS[action]}
    </Button>
  );
  return (
    <div className="max-w-full space-y-2">
      <div className="flex flex-wrap gap-2">
        {legal.filter((action) => !RARE.includes(action)).map(button)}
        {rare.length > 0 && <More>{rare.map(button)}</More>}
      </div>
      {act.isError && <ErrorNotice error={act.error} />}
      {asking && <ActionDialog session={session} action={asking} onClose={() => setAsking(null)} />}
    </div>
  );
}

function More({ children }: { children: ReactNode }) {
  return (
    <details className="relative">
      <summary className="caps flex min-h-9 items-center border-2 border-transparent px-2 hover:border-ink">
        More
      </summary>
      <div className="absolute right-0 z-10 mt-1 flex flex-col gap-2 border-2 border-ink bg-paper p-2 shadow-hard">
        {children}
      </div>
    </details>
  );
}
