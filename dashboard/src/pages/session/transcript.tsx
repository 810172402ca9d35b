import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type RefObject, useCallback, useLayoutEffect, useRef, useState } from 'react';
import type { SessionState } from '../../../../src/domain/session/session-state.ts';
import type { TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import { count } from '../../ui/format.ts';
import { Empty } from '../../ui/notice.tsx';
import { Entry } from './entry.tsx';

const GAP_PX = 12;
/** Entries above and below the screen that are drawn too. */
const OVERSCAN = 8;
/** The usual heights of entries, until they are drawn and measured. */
const HEIGHTS_PX: Record<TranscriptItem['kind'], number> = {
  prompt: 90,
  text: 80,
  reasoning: 30,
  tool: 110,
  check: 40,
  file: 24,
  retry: 24,
  note: 24,
  rating: 24,
  status: 24,
};

/**
 * The session's events, live. Only those in sight are drawn. If there are several tasks, a label marks each change of
 * the task.
 *
 * @param onHeight called after the height has changed
 */
export function Transcript(props: { state: SessionState; status: SessionStatus; onHeight: (height: number) => void }) {
  const { transcript, dropped_items, tasks } = props.state;
  const list = useRef<HTMLOListElement>(null);
  const top = useDocumentTop(list, transcript.length > 0);
  const getItemKey = useCallback((index: number) => keyOf(transcript[index]), [transcript]);
  const rows = useWindowVirtualizer({
    count: transcript.length,
    estimateSize: (index) => HEIGHTS_PX[transcript[index]?.kind ?? 'note'],
    getItemKey,
    gap: GAP_PX,
    overscan: OVERSCAN,
    scrollMargin: top,
  });
  const height = rows.getTotalSize();
  const { onHeight } = props;
  useLayoutEffect(() => onHeight(height), [onHeight, height]);
  if (transcript.length === 0) {
    return (
      <Empty title="Nothing has happened yet">{props.status === 'pending' && 'Start the session to begin.'}</Empty>
    );
  }
  const several = Object.keys(tasks).length > 1;
  return (
    <>
      {dropped_items > 0 && (
        <p className="caps pb-3 text-mute">
          {count(dropped_items)} older entries are not kept, except the first prompt
        </p>
      )}
      <ol ref={list} aria-label="Transcript" className="relative" style={{ height }}>
        {rows.getVirtualItems().map(({ key, index, start }) => {
          const item = transcript[index]!;
          return (
            <li
              key={key}
              ref={rows.measureElement}
              data-index={index}
              data-kind={item.kind}
              aria-posinset={index + 1}
              aria-setsize={transcript.length}
              className="absolute inset-x-0 top-0"
              style={{ transform: `translateY(${start - top}px)` }}
            >
              {several && item.task !== 0 && item.task !== transcript[index - 1]?.task && (
                <p className="caps pb-3 wrap-anywhere text-mute">{taskName(item.task, tasks)}</p>
              )}
              <Entry item={item} isFirst={item.kind === 'prompt' && item.number === promptOf(item.task, tasks)} />
            </li>
          );
        })}
      </ol>
    </>
  );
}

type Tasks = SessionState['tasks'];

/** A task with its title, if it has one of its own. */
function taskName(number: number, tasks: Tasks): string {
  const title = tasks[number]?.title;
  return title === undefined ? `Task ${number}` : `Task ${number} · ${visible(title)}`;
}

/** The number of the message that is the task's prompt. An earlier release has stored states without it. */
function promptOf(number: number, tasks: Tasks): number {
  return tasks[number]?.prompt ?? 1;
}

function keyOf(item: TranscriptItem | undefined): string {
  return item ? `${item.task}/${item.id}` : '';
}

/**
 * The distance of an element from the top of the document, in CSS pixels. What stands above it may grow and shrink.
 *
 * @param present whether the element is rendered now
 */
function useDocumentTop(element: RefObject<HTMLElement | null>, present: boolean): number {
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    if (!present) return;
    const measure = () => setTop(Math.round(element.current!.getBoundingClientRect().top + window.scrollY));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [element, present]);
  return top;
}
