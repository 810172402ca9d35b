import { clsx } from 'clsx';
import { memo, type ReactNode } from 'react';
import type { TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import { Foldable } from '../../ui/foldable.tsx';
import { clockTime, count, fullTime, percent } from '../../ui/format.ts';
import { Markdown } from '../../ui/markdown.tsx';
import { statusColor, statusText } from '../../ui/status-badge.tsx';
import { Check } from './check.tsx';
import { useOpened } from './session-context.ts';
import { ToolCall } from './tool-call.tsx';

interface EntryProps {
  item: TranscriptItem;
  /** It is the prompt of its task, and not a later message. */
  isFirst: boolean;
}

/** An entry of the transcript with its time. `memo` renders it again only when it has changed. */
export const Entry = memo(function Entry({ item, isFirst }: EntryProps) {
  return (
    <div className="grid gap-x-3 sm:grid-cols-[4.25rem_minmax(0,1fr)]">
      <EntryTime at={item.at} kind={item.kind} />
      <div className="min-w-0">
        <Body item={item} isFirst={isFirst} />
      </div>
    </div>
  );
});

/** Moves a time to the height of its entry's first line. */
const FIRST_LINE: Partial<Record<TranscriptItem['kind'], string>> = {
  prompt: 'sm:pt-3',
  tool: 'sm:pt-2',
  check: 'sm:pt-2',
  text: 'sm:pt-1.5',
  reasoning: 'sm:pt-1',
};

function EntryTime({ at, kind }: { at: string | undefined; kind: TranscriptItem['kind'] }) {
  if (at === undefined) return <span />;
  return (
    <time
      dateTime={at}
      title={fullTime(at)}
      className={clsx('font-mono text-[0.6875rem] leading-5 text-mute sm:text-right', FIRST_LINE[kind])}
    >
      {clockTime(at)}
    </time>
  );
}

function Body({ item, isFirst }: EntryProps): ReactNode {
  switch (item.kind) {
    case 'prompt':
      return <Prompt item={item} isFirst={isFirst} />;
    case 'text':
      return (
        <div className="border-l-4 border-ink py-1 pl-3 text-[0.9375rem]">
          <Markdown text={item.text} />
          {!item.done && <Caret />}
        </div>
      );
    case 'reasoning':
      return <Reasoning item={item} />;
    case 'tool':
      return <ToolCall item={item} />;
    case 'check':
      return <Check item={item} />;
    case 'file':
      return (
        <Line label="Edited" tone="text-mute">
          <span className="font-mono break-all">{visible(item.path)}</span>
        </Line>
      );
    case 'retry':
      return (
        <Line label={`Model retry ${item.attempt}`} tone="text-warn">
          {visible(item.message)}
          {item.next_at && ` Asked again at ${clockTime(item.next_at)}.`}
        </Line>
      );
    case 'note':
      return (
        <Line
          label="Note"
          tone={item.level === 'error' ? 'text-bad' : item.level === 'warning' ? 'text-warn' : 'text-mute'}
        >
          {visible(item.text)}
        </Line>
      );
    case 'rating':
      return (
        <Line label={`Rated ${percent(item.quality)}`} tone="text-mute">
          {visible(`The work of ${item.agent_name}${item.comment === undefined ? '' : `: ${item.comment}`}`)}
        </Line>
      );
    case 'status':
      return (
        <p className="flex min-h-5 items-center gap-3">
          <span className={clsx('caps', statusColor(item.to))}>{statusText(item.to)}</span>
          {item.reason !== item.to && (
            <span className="min-w-0 truncate font-mono text-xs text-mute">{visible(reasonText(item.reason))}</span>
          )}
          <span aria-hidden="true" className="h-0.5 flex-1 bg-faint" />
        </p>
      );
  }
}

type PromptItem = Extract<TranscriptItem, { kind: 'prompt' }>;

function Prompt({ item, isFirst }: { item: PromptItem; isFirst: boolean }) {
  const [open, setOpen] = useOpened(item.id, false);
  return (
    <div className="border-2 border-ink bg-ink p-3 text-paper">
      <p className="caps opacity-70">{isFirst ? 'Prompt' : `${laterLabel(item)} ${item.number}`}</p>
      <Foldable open={open} onOpen={() => setOpen(true)}>
        <p className="mt-1 text-sm whitespace-pre-wrap wrap-anywhere">{visible(item.text)}</p>
      </Foldable>
    </div>
  );
}

function laterLabel({ delivery, by }: PromptItem): string {
  if (by === 'checks') return 'Failed checks';
  return delivery === 'steer' ? 'Steer' : 'Follow-up';
}

function Reasoning({ item }: { item: Extract<TranscriptItem, { kind: 'text' | 'reasoning' }> }) {
  const [open, setOpen] = useOpened(item.id, false);
  return (
    <div className="border-l-4 border-faint pl-3">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="caps py-1 text-mute hover:text-ink"
      >
        {open ? '−' : '+'} Reasoning, {count(item.text.length)} characters {!item.done && <Caret />}
      </button>
      {open && <Markdown text={item.text} className="pb-1 text-sm text-mute" />}
    </div>
  );
}

function Line({ label, tone, children }: { label: string; tone: string; children: ReactNode }) {
  return (
    <p className="flex flex-wrap items-baseline gap-x-3 text-sm">
      <span className={clsx('caps', tone)}>{label}</span>
      <span className="min-w-0 wrap-anywhere">{children}</span>
    </p>
  );
}

/** Replacements for stored reasons that do not tell a reader what happened. */
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
