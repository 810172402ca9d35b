import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { BranchDelivery } from '../../../../src/protocol/session/deliver.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { sessionKey } from '../../data/use-session.ts';
import { Button } from '../../ui/button.tsx';
import { Field, TextInput } from '../../ui/field.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';
import { Facts, Panel } from '../../ui/panel.tsx';

const STATES: Record<BranchDelivery['state'], string> = {
  waiting: 'Waiting',
  running: 'An agent delivers it',
  delivered: 'Delivered',
  conflict: 'Conflict',
  failed: 'Not delivered',
};

/** To which branch the session's work was delivered, and a form that delivers it. */
export function DeliveryPanel({ session }: { session: SessionView }) {
  const mayAct = useMay('operate');
  const { delivery } = session;
  const isUnderWay = delivery?.state === 'waiting' || delivery?.state === 'running';
  const mayDeliver = mayAct && session.checkpoint_count > 0 && !isUnderWay;
  if (!delivery && !mayDeliver) return null;
  const isOver = delivery?.state === 'failed' || delivery?.state === 'conflict';
  return (
    <Panel title="Delivery" tone={isOver ? 'alert' : 'plain'}>
      {delivery && <Facts items={factsOf(delivery)} />}
      {mayDeliver && <DeliverForm session={session} />}
    </Panel>
  );
}

type Fact = readonly [name: string, value: string];

function factsOf({ state, branch, commit, pushed, remote, agent_name, reason }: BranchDelivery): Fact[] {
  return [
    ['State', STATES[state]],
    ['Branch', visible(branch)],
    ...(commit === null ? [] : [['Commit', commit.slice(0, 10)] as const]),
    ...(remote === null ? [] : [[pushed ? 'Pushed to' : 'To be pushed to', visible(remote)] as const]),
    ...(agent_name === null ? [] : [['In the clone of', agent_name] as const]),
    ...(reason === null ? [] : [['Why', visible(reason)] as const]),
  ];
}

function DeliverForm({ session }: { session: SessionView }) {
  const client = useClient();
  const queries = useQueryClient();
  const [branch, setBranch] = useState('');
  const [push, setPush] = useState(false);
  const deliver = useMutation({
    mutationFn: () => client.sessions.deliver(session.id, { push, ...(branch.trim() && { branch: branch.trim() }) }),
    onSettled: () => queries.invalidateQueries({ queryKey: sessionKey(session.id) }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    deliver.mutate();
  };
  return (
    <form className="space-y-3 p-3" onSubmit={submit}>
      <Field label="New branch">
        <TextInput value={branch} placeholder="oio/…" onChange={(event) => setBranch(event.target.value)} />
      </Field>
      <label className="flex items-center gap-2 text-sm">
        <input type="checkbox" checked={push} onChange={(event) => setPush(event.target.checked)} />
        Push it to origin
      </label>
      {deliver.isError && <ErrorNotice error={deliver.error} />}
      <Button type="submit" className="w-full" busy={deliver.isPending}>
        Deliver
      </Button>
    </form>
  );
}
