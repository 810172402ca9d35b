import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { PermissionAction, SessionPriority, SessionType } from '../../../../src/protocol/common/enums.ts';
import { signOutIfUnauthorized, useClient } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { Choice, Field, Select, TextArea, TextInput } from '../../ui/field.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';

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

type Preset = 'agent' | 'ask' | 'allow';
const PRESETS = [
  ['agent', 'Default', 'The agent’s own configuration decides'],
  ['ask', 'Ask', 'Edits, commands and fetches wait for your answer'],
  ['allow', 'Allow', 'Edits, commands and fetches run at once'],
] as const satisfies readonly (readonly [Preset, string, string])[];

interface Draft {
  title: string;
  prompt: string;
  type: SessionType;
  priority: SessionPriority;
  tags: string;
  preset: Preset;
  run: boolean;
}
const EMPTY: Draft = {
  title: '',
  prompt: '',
  type: 'execution',
  priority: 'medium',
  tags: '',
  preset: 'agent',
  run: true,
};

/** A form that creates a session and, if the user chooses so, starts it. */
export function CreateDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [draft, setDraft] = useState(EMPTY);
  const { submit, busy, error } = useCreate(draft);
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
        <Button look="quiet" onClick={() => dialog.current?.close()}>
          Close
        </Button>
      </header>
      <form onSubmit={submit} className="space-y-4 p-4">
        <Field label="Title">
          <TextInput
            required
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
        <div className="grid gap-4 sm:grid-cols-2">
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
        </div>
        <Field label="Tags" hint="Separated by commas.">
          <TextInput value={draft.tags} onChange={(event) => set({ tags: event.target.value })} />
        </Field>
        <Choice
          legend="Permissions"
          name="preset"
          value={draft.preset}
          options={PRESETS}
          onChange={(preset) => set({ preset })}
        />
        {error !== null && <ErrorNotice error={error} />}
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
      </form>
    </dialog>
  );
}

function useCreate(draft: Draft) {
  const client = useClient();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const sent = useRef({ body: '', key: '' });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const body = bodyOf(draft);
      // If the response was lost and the user presses the button again, the same draft creates no second session.
      const text = JSON.stringify(body);
      if (sent.current.body !== text) sent.current = { body: text, key: crypto.randomUUID() };
      const session = await client.sessions.create(body, { idempotencyKey: sent.current.key });
      if (draft.run)
        await client.sessions.act(session.id, 'start', undefined, { idempotencyKey: `start-${session.id}` });
      void queries.invalidateQueries({ queryKey: ['sessions'] });
      await navigate({ to: '/sessions/$id', params: { id: session.id } });
    } catch (failure) {
      signOutIfUnauthorized(failure);
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return { submit: (event: FormEvent) => void submit(event), busy, error };
}

function bodyOf(draft: Draft) {
  const tags = draft.tags.split(',').map((tag) => tag.trim());
  return {
    title: draft.title,
    initial_prompt: draft.prompt,
    session_type: draft.type,
    priority: draft.priority,
    tags: tags.filter((tag) => tag !== ''),
    agent_config: draft.preset === 'agent' ? {} : { permissions: permissionsOf(draft.preset) },
  };
}

function permissionsOf(action: PermissionAction): Record<string, PermissionAction> {
  return { edit: action, bash: action, webfetch: action };
}
