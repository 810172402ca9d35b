import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { SessionAction, SessionStatus } from '../../../../src/protocol/common/enums.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { useClient } from '../../data/api.tsx';
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

/** Buttons for the actions that are legal now. */
export function Actions({ session, status }: { session: SessionView; status: SessionStatus }) {
  const client = useClient();
  const queries = useQueryClient();
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
  return (
    <div className="max-w-full space-y-2">
      <div className="flex flex-wrap gap-2">
        {ORDER.filter((action) => session.legal_actions.includes(action)).map((action) => (
          <Button
            key={action}
            look={action === 'cancel' ? 'danger' : STRONG.includes(action) ? 'strong' : 'plain'}
            busy={act.isPending && act.variables === action}
            // While the log is ahead of the view, the legal actions are being refetched.
            disabled={act.isPending || session.status !== status}
            onClick={() => press(action)}
          >
            {TEXTS[action]}
          </Button>
        ))}
      </div>
      {act.isError && <ErrorNotice error={act.error} />}
      {asking && <ActionDialog session={session} action={asking} onClose={() => setAsking(null)} />}
    </div>
  );
}
