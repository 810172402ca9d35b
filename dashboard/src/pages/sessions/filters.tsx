import { clsx } from 'clsx';
import { type ReactNode, useEffect, useState } from 'react';
import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import { useWaiting } from '../../data/waiting.tsx';
import { Select, TextInput } from '../../ui/field.tsx';
import { STATUSES, statusColor, statusText } from '../../ui/status-badge.tsx';
import { type ListChange, type ListSearch, SORTS } from './list-search.ts';

const TYPING_PAUSE_MS = 250;

/** The controls that filter and sort the list. */
export function Filters({ search, onChange }: { search: ListSearch; onChange: (change: ListChange) => void }) {
  const { total } = useWaiting();
  const chosen = search.status ?? [];
  const toggleWaiting = () => onChange({ waiting: search.waiting ? undefined : true });
  const toggle = (status: SessionStatus) => {
    const next = chosen.includes(status) ? chosen.filter((other) => other !== status) : [...chosen, status];
    onChange({ status: next });
  };
  return (
    <search className="block space-y-3">
      <div className="flex flex-col gap-3 sm:flex-row">
        <SearchBox value={search.q ?? ''} onChange={(q) => onChange({ q })} />
        <Select
          aria-label="Order"
          className="sm:w-52!"
          value={search.sort ?? '-created_at'}
          options={Object.entries(SORTS)}
          onChange={(event) => onChange({ sort: event.target.value as keyof typeof SORTS })}
        />
      </div>
      <fieldset className="flex flex-wrap gap-1.5">
        <legend className="sr-only">Status</legend>
        <Chip on={search.waiting === true} color="text-warn" onClick={toggleWaiting}>
          Waiting for you{total > 0 && ` (${total})`}
        </Chip>
        {STATUSES.map((status) => (
          <Chip key={status} on={chosen.includes(status)} color={statusColor(status)} onClick={() => toggle(status)}>
            {statusText(status)}
          </Chip>
        ))}
      </fieldset>
    </search>
  );
}

function Chip(props: { on: boolean; color: string; onClick: () => void; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-pressed={props.on}
      onClick={props.onClick}
      className={clsx(
        'caps min-h-8 border-2 px-2 text-[0.6875rem]',
        props.on ? 'border-ink bg-ink text-paper' : 'border-faint hover:border-ink',
      )}
    >
      <span className="flex items-center gap-1.5">
        <span aria-hidden="true" className={clsx('size-2 bg-current', !props.on && props.color)} />
        <span>{props.children}</span>
      </span>
    </button>
  );
}

/** A search box that searches when the user stops typing. */
function SearchBox({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  // Keeps what the user is typing, including a space before the next word.
  useEffect(() => setText((now) => (now.trim() === value ? now : value)), [value]);
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onChange(text.trim()), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <TextInput
      type="search"
      aria-label="Search sessions"
      placeholder="Search titles and prompts"
      maxLength={200}
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}
