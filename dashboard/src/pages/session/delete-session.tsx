import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { useClient } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';

/** A button that deletes the session after a confirmation. */
export function DeleteSession({ session }: { session: SessionView }) {
  const client = useClient();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [sure, setSure] = useState(false);
  const remove = useMutation({
    mutationFn: () => client.sessions.remove(session.id),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['sessions'] });
      return navigate({ to: '/' });
    },
  });
  if (!sure) {
    return (
      <Button look="quiet" className="w-full text-mute!" onClick={() => setSure(true)}>
        Delete the session
      </Button>
    );
  }
  return (
    <div className="space-y-3 border-2 border-bad p-3">
      <p className="text-sm">
        {session.ended_at
          ? 'The session will disappear from the list.'
          : 'The session will be cancelled and disappear from the list.'}
      </p>
      {remove.isError && <ErrorNotice error={remove.error} />}
      <div className="flex gap-2">
        <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          Delete
        </Button>
        <Button look="quiet" onClick={() => setSure(false)}>
          Keep
        </Button>
      </div>
    </div>
  );
}
