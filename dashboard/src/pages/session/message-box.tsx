import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type KeyboardEvent, useState } from 'react';
import { hasEnded, isWorking } from '../../../../src/domain/session/session-machine.ts';
import type { Delivery, SessionStatus } from '../../../../src/protocol/common/enums.ts';
import { useClient } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { Select, TextArea } from '../../ui/field.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';

/** Sends a message to the agent, into the running turn or as the next prompt. */
export function MessageBox({ sessionId, status }: { sessionId: string; status: SessionStatus }) {
  const client = useClient();
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<Delivery>('steer');
  const send = useMutation({
    mutationFn: (delivery: Delivery) => client.sessions.send(sessionId, { text, delivery }),
    onSuccess: () => setText(''),
  });
  if (hasEnded(status)) return null;
  const working = isWorking(status);
  const delivery = working ? chosen : 'follow_up';

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() && !send.isPending) send.mutate(delivery);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event);
  };
  return (
    <form
      onSubmit={submit}
      className="space-y-2 border-t-3 border-ink bg-paper py-3 sm:sticky sm:bottom-0 sm:shadow-[8px_0_0_0_var(--paper)]"
    >
      {send.isError && <ErrorNotice error={send.error} />}
      <TextArea
        aria-label="Message to the agent"
        placeholder={working ? 'Steer the agent, or queue the next prompt' : 'Queue the next prompt'}
        rows={2}
        maxLength={100_000}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="flex items-center justify-between gap-3">
        {working ? (
          <Select
            aria-label="Delivery"
            className="w-auto!"
            value={chosen}
            options={[
              ['steer', 'Into this turn'],
              ['follow_up', 'As the next prompt'],
            ]}
            onChange={(event) => setChosen(event.target.value as Delivery)}
          />
        ) : (
          <span className="text-xs text-mute">This becomes the next prompt.</span>
        )}
        <Button type="submit" look="strong" busy={send.isPending} disabled={!text.trim()}>
          Send
        </Button>
      </div>
    </form>
  );
}
