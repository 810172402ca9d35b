import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type KeyboardEvent, useId } from 'react';
import { hasEnded, isWorking } from '../../../../src/domain/session/session-machine.ts';
import type { Delivery, SessionStatus } from '../../../../src/protocol/common/enums.ts';
import { useClient } from '../../data/api.tsx';
import { useDraft } from '../../data/draft.ts';
import { Button } from '../../ui/button.tsx';
import { Select, TextArea } from '../../ui/field.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';

/** The element that the link “Skip to the message box” leads to. */
export const MESSAGE_BOX_ID = 'message-box';

const EMPTY: { text: string; delivery: Delivery } = { text: '', delivery: 'steer' };

/** Sends a message to the agent, into the running turn or as the next prompt. */
export function MessageBox({ sessionId, status }: { sessionId: string; status: SessionStatus }) {
  const client = useClient();
  const hint = useId();
  const { draft, set, clear } = useDraft(`message.${sessionId}`, EMPTY);
  const { text } = draft;
  const send = useMutation({
    mutationFn: (delivery: Delivery) => client.sessions.send(sessionId, { text, delivery }),
    onSuccess: clear,
  });
  if (hasEnded(status)) return text === '' ? null : <Unsent text={text} onDiscard={clear} />;
  const working = isWorking(status);
  const delivery = working ? draft.delivery : 'follow_up';

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() && !send.isPending) send.mutate(delivery);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event);
  };
  return (
    <form onSubmit={submit} className="space-y-2 border-t-3 border-ink bg-paper py-3">
      {send.isError && <ErrorNotice error={send.error} />}
      <TextArea
        id={MESSAGE_BOX_ID}
        aria-label="Message to the agent"
        aria-describedby={hint}
        placeholder={working ? 'Steer the agent, or queue the next prompt' : 'Queue the next prompt'}
        rows={2}
        maxLength={100_000}
        value={text}
        onChange={(event) => set({ ...draft, text: event.target.value })}
        onKeyDown={onKeyDown}
      />
      <div className="flex items-center justify-between gap-3">
        {working && (
          <Select
            aria-label="Delivery"
            className="w-auto!"
            value={draft.delivery}
            options={[
              ['steer', 'Into this turn'],
              ['follow_up', 'As the next prompt'],
            ]}
            onChange={(event) => set({ ...draft, delivery: event.target.value as Delivery })}
          />
        )}
        <span id={hint} className="flex-1 text-xs text-mute">
          {!working && 'This becomes the next prompt. '}
          <span className="hidden sm:inline">Ctrl+Enter sends.</span>
        </span>
        <Button type="submit" look="strong" busy={send.isPending} disabled={!text.trim()}>
          Send
        </Button>
      </div>
    </form>
  );
}

/** What the user was writing when the session ended. */
function Unsent({ text, onDiscard }: { text: string; onDiscard: () => void }) {
  return (
    <section aria-label="Message that was not sent" className="space-y-2 border-t-3 border-ink bg-paper py-3">
      <p className="text-sm">The session has ended, so this message was not sent.</p>
      <TextArea id={MESSAGE_BOX_ID} aria-label="Message that was not sent" rows={2} readOnly value={text} />
      <div className="flex gap-2">
        <Button onClick={() => void navigator.clipboard.writeText(text)}>Copy</Button>
        <Button look="quiet" onClick={onDiscard}>
          Discard
        </Button>
      </div>
    </section>
  );
}
