import { Link } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import type { WatchConnection } from '../../../../src/client/watch.ts';
import { isWorking } from '../../../../src/domain/session/session-machine.ts';
import type { SessionState } from '../../../../src/domain/session/session-state.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { useMay } from '../../data/api.tsx';
import { useSessionView, useSessionWatch } from '../../data/use-session.ts';
import { useReportWaiting } from '../../data/waiting.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, ErrorNotice, Loading } from '../../ui/notice.tsx';
import { Approvals, WaitingBanner } from './approvals.tsx';
import { ChangesTab } from './changes-tab.tsx';
import { ContextTab } from './context-tab.tsx';
import { Files } from './files.tsx';
import { MESSAGE_BOX_ID, MessageBox } from './message-box.tsx';
import { Outcome } from './outcome.tsx';
import { Refusals } from './refusals.tsx';
import { SessionContext } from './session-context.ts';
import { Connection, SessionHeader } from './session-header.tsx';
import { SidePanels } from './side-panels.tsx';
import { TasksTab } from './tasks-tab.tsx';
import { Transcript } from './transcript.tsx';
import { useFollowEnd } from './use-follow-end.ts';

export function SessionPage({ id }: { id: string }) {
  const { state, connection, refusal } = useSessionWatch(id);
  const view = useSessionView(id, state);
  const error = refusal ?? (view.data ? null : view.error);
  if (error) {
    return (
      <div className="space-y-4">
        <h1 className="caps text-sm">Session</h1>
        <ErrorNotice error={error} />
        <AllSessions />
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
  const approvals = useRef<HTMLDivElement>(null);
  const status = state?.status ?? session.status;
  const mayOperate = useMay('operate');
  const open = state?.approvals.filter((approval) => approval.status === 'open') ?? [];
  useReportWaiting(session.id, session.title, state === null ? session.open_approvals > 0 : open.length > 0);
  const waits = open.length > 0;
  const opened = useRef(new Map<string, boolean>());
  const context = useMemo(
    () => ({ id: session.id, mayOperate, waits, opened: opened.current }),
    [session.id, mayOperate, waits],
  );
  const again = state !== null;
  const past = again && (connection.status === 'connecting' || connection.status === 'waiting');
  return (
    <SessionContext value={context}>
      <div className="-mt-3 flex flex-1 flex-col gap-4">
        <div className="-mb-2 flex items-center justify-between gap-3">
          <AllSessions />
          <Connection connection={connection} stale={stale} again={again} />
        </div>
        <SessionHeader session={session} status={status} past={past}>
          <WaitingBanner count={open.length} approvals={approvals} />
        </SessionHeader>
        <div className="grid flex-1 items-start gap-6 lg:grid-cols-[minmax(0,1fr)_19rem]">
          <div className="flex min-w-0 flex-col gap-5 self-stretch">
            <Approvals ref={approvals} sessionId={session.id} open={open} />
            {status === 'queued' && <Refusals tasks={session.tasks} />}
            {state && <Outcome state={state} />}
            {state ? <Work session={session} state={state} waits={waits} /> : <Loading what="the transcript" />}
          </div>
          {state ? <SidePanels session={session} state={state} /> : <Empty title="Connecting" />}
        </div>
      </div>
    </SessionContext>
  );
}

/** The transcript with the message box, the tasks if there are several, the changes and the context. */
function Work({ session, state, waits }: { session: SessionView; state: SessionState; waits: boolean }) {
  const [tab, setTab] = useState<'transcript' | 'tasks' | 'changes' | 'context'>('transcript');
  const [height, setHeight] = useState(0);
  const end = useRef<HTMLDivElement>(null);
  const mayOperate = useMay('operate');
  const { status } = state;
  // If the session waits for an answer, the page opens at the question and not at the end.
  const { atEnd, toEnd } = useFollowEnd(end, [state.transcript, height], isWorking(status) && !waits);
  const transcript = tab === 'transcript';
  const several = (session.tasks?.length ?? 0) > 1;
  return (
    <>
      <div className="flex items-center justify-between border-b-3 border-ink">
        <div role="tablist" aria-label="Parts of the session" className="flex">
          <Tab id="transcript" chosen={tab} onChoose={setTab} text="Transcript" />
          {several && <Tab id="tasks" chosen={tab} onChoose={setTab} text="Tasks" />}
          <Tab id="changes" chosen={tab} onChoose={setTab} text="Changes" />
          <Tab id="context" chosen={tab} onChoose={setTab} text="Context" />
        </div>
        {transcript && mayOperate && (
          <button
            type="button"
            onClick={() => document.getElementById(MESSAGE_BOX_ID)?.focus()}
            className="caps sr-only bg-ink p-2 text-paper focus:not-sr-only"
          >
            Skip to the message box
          </button>
        )}
      </div>
      <div role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`} className="min-w-0 flex-1">
        {tab === 'tasks' ? (
          <TasksTab session={session} state={state} />
        ) : tab === 'context' ? (
          <ContextTab sessionId={session.id} />
        ) : tab === 'changes' ? (
          <div className="space-y-5">
            <ChangesTab sessionId={session.id} checkpoint={state.checkpoints.at(-1)?.number ?? null} />
            <Files sessionId={session.id} version={state.status} />
          </div>
        ) : (
          <Transcript state={state} status={status} onHeight={setHeight} />
        )}
      </div>
      {/* On larger screens, the message box covers as much of the screen as this margin. */}
      <div ref={end} className="h-px scroll-mb-14 sm:scroll-mb-48" />
      {transcript && (
        <div className="contents sm:sticky sm:bottom-0 sm:z-10 sm:block">
          {!atEnd && (
            <div className="sticky bottom-0 z-10 flex justify-end border-t-2 border-faint bg-paper py-2 sm:static">
              <Button onClick={toEnd}>↓ Latest</Button>
            </div>
          )}
          {mayOperate && <MessageBox sessionId={session.id} status={status} />}
        </div>
      )}
    </>
  );
}

function AllSessions() {
  return (
    <Link to="/" className="caps underline-offset-4 hover:underline">
      ← All sessions
    </Link>
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
      tabIndex={on ? 0 : -1}
      onClick={() => props.onChoose(props.id)}
      onKeyDown={chooseNeighbor}
      className={clsx('caps min-h-10 px-4', on ? 'bg-ink text-paper' : 'hover:bg-shade')}
    >
      {props.text}
    </button>
  );
}

/** The arrow keys move between the tabs, as the ARIA pattern of tabs asks for. */
function chooseNeighbor({ key, currentTarget }: KeyboardEvent<HTMLElement>) {
  const { previousElementSibling: left, nextElementSibling: right } = currentTarget;
  const neighbor = key === 'ArrowLeft' ? left : key === 'ArrowRight' ? right : null;
  if (!(neighbor instanceof HTMLElement)) return;
  neighbor.focus();
  neighbor.click();
}
