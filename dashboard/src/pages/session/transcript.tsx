import { clsx } from 'clsx';
import { Fragment, memo, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { SessionState } from '../../../../src/domain/session/session-state.ts';
import type { TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import { Button } from '../../ui/button.tsx';
import { count, fullTime } from '../../ui/format.ts';
import { Empty } from '../../ui/notice.tsx';
import { statusColor, statusText } from '../../ui/status-badge.tsx';
import { ToolCall } from './tool-call.tsx';

/** The session's events, live. If there are several tasks, a label marks each change of the task. */
export function Transcript({ state, status }: { state: SessionState; status: SessionStatus }) {
  const { end, atEnd, toEnd } = useFollowEnd(state.transcript);
  const several = Object.keys(state.tasks).length > 1;
  if (state.transcript.length === 0) {
    return <Empty title="Nothing has happened yet">{status === 'pending' && 'Start the session to begin.'}</Empty>;
  }
  return (
    <>
      {state.dropped_items > 0 && (
        <p className="caps pb-3 text-mute">{count(state.dropped_items)} older entries are not kept</p>
      )}
      <ol aria-label="Transcript" className="space-y-3">
        {state.transcript.map((item, index) => (
          <Fragment key={`${item.task}/${item.id}`}>
            {several && item.task !== 0 && item.task !== state.transcript[index - 1]?.task && (
              <li data-kind="task" className="caps text-mute">
                Task {item.task}
              </li>
            )}
            <Item item={item} />
          </Fragment>
        ))}
      </ol>
      {/* On larger screens, the message box covers as much of the screen as this margin. */}
      <div ref={end} className="h-px scroll-mb-4 sm:scroll-mb-40" />
      {!atEnd && (
        <Button onClick={toEnd} className="sticky bottom-4 z-10 float-right shadow-hard sm:bottom-40">
          ↓ Latest
        </Button>
      )}
    </>
  );
}

const NEAR_END_PX = 60;

/** Scrolls to new content only if the end was in view, so that it does not disturb a user who reads elsewhere. */
function useFollowEnd(content: unknown) {
  const end = useRef<HTMLDivElement>(null);
  const following = useRef(false);
  const [atEnd, setAtEnd] = useState(true);
  const toEnd = useCallback(() => end.current?.scrollIntoView({ block: 'nearest' }), []);
  const updatePosition = useCallback(() => {
    const top = end.current?.getBoundingClientRect().top ?? 0;
    following.current = top > 0 && top < window.innerHeight + NEAR_END_PX;
    setAtEnd(top < window.innerHeight + NEAR_END_PX);
  }, []);
  useEffect(() => {
    window.addEventListener('scroll', updatePosition, { passive: true });
    return () => window.removeEventListener('scroll', updatePosition);
  }, [updatePosition]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs on each change of the content
  useLayoutEffect(() => {
    if (following.current) toEnd();
    updatePosition();
  }, [content, toEnd, updatePosition]);
  return { end, atEnd, toEnd };
}

/** One entry. `memo` renders it again only when it has changed. */
const Item = memo(function Item({ item }: { item: TranscriptItem }) {
  switch (item.kind) {
    case 'prompt':
      return (
        <li data-kind="prompt" className="border-2 border-ink bg-ink p-3 text-paper">
          <p className="caps opacity-70">
            {item.delivery === 'steer' ? 'Steer' : item.number === 1 ? 'Prompt' : 'Follow-up'} {item.number}
          </p>
          <p className="mt-1 text-sm break-words whitespace-pre-wrap">{item.text}</p>
        </li>
      );
    case 'text':
      return (
        <li data-kind="text" className="border-l-4 border-ink py-1 pl-3">
          <p className="text-[0.9375rem] break-words whitespace-pre-wrap">
            {item.text}
            {!item.done && <Caret />}
          </p>
        </li>
      );
    case 'reasoning':
      return (
        <li data-kind="reasoning" className="border-l-4 border-faint pl-3">
          <details>
            <summary className="caps py-1 text-mute hover:text-ink">
              + Reasoning, {count(item.text.length)} characters {!item.done && <Caret />}
            </summary>
            <p className="pb-1 text-sm break-words whitespace-pre-wrap text-mute">{item.text}</p>
          </details>
        </li>
      );
    case 'tool':
      return (
        <li data-kind="tool">
          <ToolCall item={item} />
        </li>
      );
    case 'file':
      return (
        <Line label="Edited" tone="text-mute">
          <span className="font-mono break-all">{item.path}</span>
        </Line>
      );
    case 'retry':
      return (
        <Line label={`Model retry ${item.attempt}`} tone="text-warn">
          {item.message}
          {item.next_at && ` Asked again at ${fullTime(item.next_at)}.`}
        </Line>
      );
    case 'note':
      return (
        <Line
          label="Note"
          tone={item.level === 'error' ? 'text-bad' : item.level === 'warning' ? 'text-warn' : 'text-mute'}
        >
          {item.text}
        </Line>
      );
    case 'status':
      return (
        <li data-kind="status" className="flex items-center gap-3 py-1">
          <span className={clsx('caps', statusColor(item.to))}>{statusText(item.to)}</span>
          {item.reason !== item.to && (
            <span className="min-w-0 truncate font-mono text-xs text-mute">{reasonText(item.reason)}</span>
          )}
          <span aria-hidden="true" className="h-0.5 flex-1 bg-faint" />
        </li>
      );
  }
});

function Line({ label, tone, children }: { label: string; tone: string; children: ReactNode }) {
  return (
    <li className="flex flex-wrap items-baseline gap-x-3 text-sm">
      <span className={clsx('caps', tone)}>{label}</span>
      <span className="min-w-0 break-words">{children}</span>
    </li>
  );
}

/** Stored reasons whose words alone would not tell a reader what happened. */
const REASON_TEXTS: Readonly<Record<string, string>> = {
  max_duration_seconds: 'the time limit was reached',
};

/** A token's id means nothing to a reader, so `by <token id>` becomes `by request`. */
function reasonText(reason: string): string {
  if (/^by ([0-9a-f-]{36}|static)$/.test(reason)) return 'by request';
  return REASON_TEXTS[reason] ?? reason.replaceAll('_', ' ');
}

/** Shows that more text will follow. */
function Caret() {
  return <span aria-hidden="true" className="blink ml-0.5 inline-block h-[1em] w-2 translate-y-0.5 bg-current" />;
}
