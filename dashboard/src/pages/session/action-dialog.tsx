import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { RestClient } from '../../../../src/client/rest.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { useClient } from '../../data/api.tsx';
import { sessionKey } from '../../data/use-session.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Select, TextArea } from '../../ui/field.tsx';
import { clockTime } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/notice.tsx';

/** Actions that need more input or a confirmation. */
export type ActionWithDialog = 'retry' | 'complete' | 'fail' | 'cancel';

const HEADINGS: Record<ActionWithDialog, string> = {
  retry: 'Retry the session',
  complete: 'Complete the session',
  fail: 'Fail the session',
  cancel: 'Cancel the session',
};
const EXPLANATIONS: Record<ActionWithDialog, string> = {
  retry: 'The session returns to the queue and continues from the point that you choose.',
  complete: 'For work that was done elsewhere. If an agent is working on the session, it stops.',
  fail: 'For work that failed elsewhere. If an agent is working on the session, it stops.',
  cancel:
    'The session ends for good. If an agent is working on it, the agent stops. To retry later, stop the session instead.',
};

interface ActionInput {
  text: string;
  from: string;
}

export function ActionDialog(props: { session: SessionView; action: ActionWithDialog; onClose: () => void }) {
  const { session, action } = props;
  const client = useClient();
  const queries = useQueryClient();
  const dialog = useRef<HTMLDialogElement>(null);
  const [input, setInput] = useState<ActionInput>({ text: '', from: 'last' });
  useEffect(() => dialog.current?.showModal(), []);
  const act = useMutation({
    mutationFn: () => perform(client, session.id, action, input),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: sessionKey(session.id) });
      dialog.current?.close();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    act.mutate();
  };
  return (
    <dialog
      ref={dialog}
      onClose={props.onClose}
      aria-labelledby="action-title"
      className="m-auto w-[min(30rem,calc(100vw-1rem))] border-3 border-ink bg-paper text-ink shadow-hard"
    >
      <h2 id="action-title" className="caps border-b-2 border-ink bg-shade px-4 py-3">
        {HEADINGS[action]}
      </h2>
      <form onSubmit={submit} className="space-y-4 p-4">
        <p className="text-sm">{EXPLANATIONS[action]}</p>
        {action === 'retry' && (
          <RetryFrom sessionId={session.id} value={input.from} onChange={(from) => setInput({ ...input, from })} />
        )}
        {(action === 'complete' || action === 'fail') && (
          <Field label={action === 'complete' ? 'Summary (optional)' : 'What went wrong'}>
            <TextArea
              rows={4}
              maxLength={5_000}
              required={action === 'fail'}
              value={input.text}
              onChange={(event) => setInput({ ...input, text: event.target.value })}
            />
          </Field>
        )}
        {act.isError && <ErrorNotice error={act.error} />}
        <div className="flex justify-end gap-2">
          <Button look="quiet" onClick={() => dialog.current?.close()}>
            Back
          </Button>
          <Button
            type="submit"
            look={action === 'cancel' || action === 'fail' ? 'danger' : 'strong'}
            busy={act.isPending}
          >
            {HEADINGS[action]}
          </Button>
        </div>
      </form>
    </dialog>
  );
}

function RetryFrom(props: { sessionId: string; value: string; onChange: (from: string) => void }) {
  const client = useClient();
  const checkpoints = useQuery({
    queryKey: ['checkpoints', props.sessionId],
    queryFn: ({ signal }) => client.sessions.checkpoints(props.sessionId, { signal }),
  });
  const numbered = (checkpoints.data ?? []).map(
    ({ number, created_at }) => [String(number), `Checkpoint ${number}, ${clockTime(created_at)}`] as const,
  );
  return (
    <Field label="From">
      <Select
        value={props.value}
        options={[['last', 'Last checkpoint'], ['fresh', 'The beginning'], ...numbered]}
        onChange={(event) => props.onChange(event.target.value)}
      />
    </Field>
  );
}

function perform(
  client: RestClient,
  id: string,
  action: ActionWithDialog,
  { text, from }: ActionInput,
): Promise<SessionView> {
  switch (action) {
    case 'cancel':
      return client.sessions.act(id, 'cancel');
    case 'retry':
      return client.sessions.act(id, 'retry', { from: from === 'last' || from === 'fresh' ? from : Number(from) });
    case 'complete':
      return client.sessions.act(id, 'complete', { result: { success: true, ...(text && { summary: text }) } });
    case 'fail':
      return client.sessions.act(id, 'fail', { error: { message: text } });
  }
}
