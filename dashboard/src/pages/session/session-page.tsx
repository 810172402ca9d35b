import { Link } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { useState } from 'react';
import type { WatchConnection } from '../../../../src/client/watch.ts';
import type { SessionState } from '../../../../src/domain/session/session-state.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { useSessionView, useSessionWatch } from '../../data/use-session.ts';
import { Empty, ErrorNotice, Loading } from '../../ui/notice.tsx';
import { Approvals } from './approvals.tsx';
import { ChangesTab } from './changes-tab.tsx';
import { MessageBox } from './message-box.tsx';
import { Outcome } from './outcome.tsx';
import { SessionHeader } from './session-header.tsx';
import { SidePanels } from './side-panels.tsx';
import { Transcript } from './transcript.tsx';

export function SessionPage({ id }: { id: string }) {
  const { state, connection, refusal } = useSessionWatch(id);
  const view = useSessionView(id, state);
  const error = refusal ?? (view.data ? null : view.error);
  if (error) {
    return (
      <div className="space-y-4">
        <ErrorNotice error={error} />
        <Link to="/" className="caps underline">
          ← All sessions
        </Link>
      </div>
    );
  }
  if (!view.data) return <Loading what="the session" />;
  return <Loaded session={view.data} state={state} connection={connection} stale={view.isError} />;
}

interface LoadedProps {
  session: SessionView;
  state: SessionState | null;
  connection: WatchConnection;
  /** The last refetch of `session` failed, so it may be out of date. */
  stale: boolean;
}

function Loaded({ session, state, connection, stale }: LoadedProps) {
  const [tab, setTab] = useState<'transcript' | 'changes'>('transcript');
  const status = state?.status ?? session.status;
  const checkpoints = state?.checkpoints ?? [];
  return (
    <div className="flex flex-1 flex-col gap-5">
      <SessionHeader session={session} status={status} connection={connection} stale={stale} again={state !== null} />
      <div className="grid flex-1 items-start gap-6 lg:grid-cols-[minmax(0,1fr)_19rem]">
        <div className="flex min-w-0 flex-col gap-5 self-stretch">
          {state && <Approvals sessionId={session.id} approvals={state.approvals} />}
          {state && <Outcome state={state} />}
          <div role="tablist" aria-label="Parts of the session" className="flex border-b-3 border-ink">
            <Tab id="transcript" chosen={tab} onChoose={setTab} text="Transcript" />
            <Tab id="changes" chosen={tab} onChoose={setTab} text="Changes" />
          </div>
          <div role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`} className="min-w-0 flex-1">
            {tab === 'changes' ? (
              <ChangesTab sessionId={session.id} checkpoint={checkpoints.at(-1)?.number ?? null} />
            ) : state ? (
              <Transcript state={state} status={status} />
            ) : (
              <Loading what="the transcript" />
            )}
          </div>
          {tab === 'transcript' && <MessageBox sessionId={session.id} status={status} />}
        </div>
        {state ? <SidePanels session={session} state={state} /> : <Empty title="Connecting" />}
      </div>
    </div>
  );
}

function Tab<T extends string>(props: { id: T; chosen: T; onChoose: (id: T) => void; text: string }) {
  const on = props.id === props.chosen;
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${props.id}`}
      aria-selected={on}
      aria-controls={`panel-${props.id}`}
      onClick={() => props.onChoose(props.id)}
      className={clsx('caps min-h-10 px-4', on ? 'bg-ink text-paper' : 'hover:bg-shade')}
    >
      {props.text}
    </button>
  );
}
