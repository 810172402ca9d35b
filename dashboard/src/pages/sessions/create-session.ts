import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import type { PermissionAction, SessionPriority, SessionType } from '../../../../src/protocol/common/enums.ts';
import { signOutIfUnauthorized, useClient } from '../../data/api.tsx';

export type Preset = 'agent' | 'ask' | 'allow';

/** What the form for a new session holds. An empty text means the default. */
export interface Draft {
  title: string;
  prompt: string;
  type: SessionType;
  priority: SessionPriority;
  preset: Preset;
  /** As `provider/model`. */
  model: string;
  /** A branch of `origin`. */
  branch: string;
  /** Labels that the agent must have, separated by commas. */
  labels: string;
  /** Separated by commas. */
  tags: string;
  run: boolean;
}
export const EMPTY: Draft = {
  title: '',
  prompt: '',
  type: 'execution',
  priority: 'medium',
  preset: 'agent',
  model: '',
  branch: '',
  labels: '',
  tags: '',
  run: true,
};

/** Creates the session of a draft, starts it if the draft says so, and opens its page. */
export function useCreate(draft: Draft, onCreated: () => void) {
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
      onCreated();
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
  const [model, ref] = [draft.model.trim(), draft.branch.trim()];
  return {
    title: draft.title,
    initial_prompt: draft.prompt,
    session_type: draft.type,
    priority: draft.priority,
    tags: listOf(draft.tags),
    required_labels: listOf(draft.labels),
    ...(ref === '' ? {} : { repository: { ref } }),
    agent_config: {
      ...(model === '' ? {} : { model }),
      ...(draft.preset === 'agent' ? {} : { permissions: permissionsOf(draft.preset) }),
    },
  };
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function permissionsOf(action: PermissionAction): Record<string, PermissionAction> {
  return { edit: action, bash: action, webfetch: action };
}
