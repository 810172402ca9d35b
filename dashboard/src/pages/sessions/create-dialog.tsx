import { type ReactNode, useEffect, useRef } from 'react';
import type { SessionPriority, SessionType } from '../../../../src/protocol/common/enums.ts';
import { useDraft } from '../../data/draft.ts';
import { Button } from '../../ui/button.tsx';
import { Choice, Field, Select, TextArea, TextInput } from '../../ui/field.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';
import { type Draft, EMPTY, type Preset, useCreate } from './create-session.ts';

const TYPES: Record<SessionType, string> = {
  execution: 'Execution',
  planning: 'Planning',
  review: 'Review',
  debug: 'Debug',
  integration: 'Integration',
};
const PRIORITIES: Record<SessionPriority, string> = {
  critical: 'Critical',
  high: 'High',
  medium: 'Medium',
  low: 'Low',
  deferred: 'Deferred',
};

const PRESETS = [
  ['agent', 'Default', 'The agent’s own configuration decides'],
  ['ask', 'Ask', 'Edits, commands and fetches wait for your answer'],
  ['allow', 'Allow', 'Edits, commands and fetches run at once'],
] as const satisfies readonly (readonly [Preset, string, string])[];

/** A form that creates a session and, if the user chooses so, starts it. */
export function CreateDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { draft, isEmpty, set: setDraft, clear } = useDraft('new-session', EMPTY);
  const { submit, busy, error } = useCreate(draft, clear);
  useEffect(() => dialog.current?.showModal(), []);
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));

  return (
    <dialog
      ref={dialog}
      onClose={onClose}
      aria-labelledby="create-title"
      className="m-auto max-h-[calc(100dvh-1rem)] w-[min(44rem,calc(100vw-1rem))] overflow-y-auto border-3 border-ink bg-paper text-ink shadow-hard"
    >
      <header className="flex items-center justify-between border-b-2 border-ink bg-shade px-4 py-2">
        <h2 id="create-title" className="caps text-sm">
          New session
        </h2>
        <span className="flex gap-1">
          {!isEmpty && (
            <Button look="quiet" onClick={clear}>
              Clear
            </Button>
          )}
          <Button look="quiet" onClick={() => dialog.current?.close()}>
            Close
          </Button>
        </span>
      </header>
      <form onSubmit={submit} className="space-y-4 p-4">
        <Work draft={draft} set={set} />
        <MoreOptions draft={draft} set={set} />
        {error !== null && <ErrorNotice error={error} />}
        <Submit draft={draft} set={set} busy={busy} />
      </form>
    </dialog>
  );
}

interface PartProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
}

/** What is to be done, and how. */
function Work({ draft, set }: PartProps) {
  return (
    <>
      <Field label="Title">
        <TextInput
          required
          autoFocus
          minLength={3}
          maxLength={100}
          value={draft.title}
          onChange={(event) => set({ title: event.target.value })}
        />
      </Field>
      <Field label="Prompt">
        <TextArea
          required
          rows={7}
          maxLength={100_000}
          value={draft.prompt}
          onChange={(event) => set({ prompt: event.target.value })}
        />
      </Field>
      <Pair>
        <Field label="Type">
          <Select
            value={draft.type}
            options={Object.entries(TYPES)}
            onChange={(event) => set({ type: event.target.value as SessionType })}
          />
        </Field>
        <Field label="Priority">
          <Select
            value={draft.priority}
            options={Object.entries(PRIORITIES)}
            onChange={(event) => set({ priority: event.target.value as SessionPriority })}
          />
        </Field>
      </Pair>
      <Choice
        legend="Permissions"
        name="preset"
        value={draft.preset}
        options={PRESETS}
        onChange={(preset) => set({ preset })}
      />
    </>
  );
}

const TEXT_OPTIONS = [
  ['model', 'Model', 'As provider/model. Empty: the agent’s default.'],
  ['branch', 'Branch', 'Start from this branch of origin. Empty: the commit that the agent’s clone is at.'],
  ['labels', 'Agent labels', 'Only an agent with all of these labels gets the session. Separated by commas.'],
  ['tags', 'Tags', 'For finding the session in the list. Separated by commas.'],
] as const satisfies readonly (readonly [keyof Draft, string, string])[];

function MoreOptions({ draft, set }: PartProps) {
  return (
    <details className="group">
      <summary className="caps min-h-7">
        <span aria-hidden="true" className="mr-2 group-open:hidden">
          +
        </span>
        <span aria-hidden="true" className="mr-2 hidden group-open:inline">
          −
        </span>
        Model, branch, labels, tags
      </summary>
      <div className="mt-2">
        <Pair>
          {TEXT_OPTIONS.map(([name, label, hint]) => (
            <Field key={name} label={label} hint={hint}>
              <TextInput value={draft[name]} onChange={(event) => set({ [name]: event.target.value })} />
            </Field>
          ))}
        </Pair>
      </div>
    </details>
  );
}

function Submit({ draft, set, busy }: PartProps & { busy: boolean }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 border-t-2 border-faint pt-4">
      <label className="caps flex min-h-10 items-center gap-2">
        <input
          type="checkbox"
          className="size-4 accent-ink"
          checked={draft.run}
          onChange={(event) => set({ run: event.target.checked })}
        />
        Run now
      </label>
      <Button type="submit" look="strong" busy={busy}>
        {draft.run ? 'Create and run' : 'Create'}
      </Button>
    </div>
  );
}

function Pair({ children }: { children: ReactNode }) {
  return <div className="grid gap-4 sm:grid-cols-2">{children}</div>;
}
