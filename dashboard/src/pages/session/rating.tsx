import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { visible } from '../../../../src/domain/visible-text.ts';
import { MAX_COMMENT_CHARS } from '../../../../src/protocol/common/limits.ts';
import type { FinishedAssignment } from '../../../../src/protocol/session/rating.ts';
import type { TaskView } from '../../../../src/protocol/session/task.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { useDraft } from '../../data/draft.ts';
import { sessionKey } from '../../data/use-session.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Select, TextArea } from '../../ui/field.tsx';
import { fullTime, percent } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/notice.tsx';
import { Panel } from '../../ui/panel.tsx';

const EMPTY = { quality: '', comment: '' };

/** `0.9` as `90%`, the best first. */
const QUALITIES = Array.from(
  { length: 11 },
  (_, step) => [String((10 - step) / 10), percent((10 - step) / 10)] as const,
);

/** How people have rated the agents' work on each task, and forms to rate it. */
export function Ratings({ sessionId, tasks }: { sessionId: string; tasks: readonly TaskView[] }) {
  const mayRate = useMay('operate');
  const rated = tasks.filter(({ last_assignment: last }) => last && (mayRate || last.rating));
  const [only] = rated;
  if (!only) return null;
  if (rated.length === 1) {
    return (
      <Panel title="Rating">
        <Rating sessionId={sessionId} task={only} />
      </Panel>
    );
  }
  return (
    <Panel title="Ratings">
      <ul className="max-h-96 divide-y-2 divide-faint overflow-y-auto">
        {rated.map((task) => (
          <Folded key={task.id} sessionId={sessionId} task={task} />
        ))}
      </ul>
    </Panel>
  );
}

interface RatingProps {
  sessionId: string;
  task: TaskView;
}

function Folded({ sessionId, task }: RatingProps) {
  const [open, setOpen] = useState(false);
  const quality = task.last_assignment?.rating?.quality;
  return (
    <li>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex w-full items-baseline justify-between gap-3 px-3 py-2 text-left text-sm hover:bg-shade"
      >
        <span className="min-w-0 truncate">
          {open ? '− ' : '+ '}
          {visible(task.title)}
        </span>
        {quality !== undefined && <span className="font-mono">{percent(quality)}</span>}
      </button>
      {open && <Rating sessionId={sessionId} task={task} />}
    </li>
  );
}

function Rating({ sessionId, task: { id, last_assignment: assignment } }: RatingProps) {
  const mayRate = useMay('operate');
  if (!assignment) return null;
  return (
    <div className="space-y-3 p-3">
      <Present assignment={assignment} />
      {mayRate && <RatingForm sessionId={sessionId} taskId={id} isRated={assignment.rating !== null} />}
    </div>
  );
}

function Present({ assignment: { agent_name, rating } }: { assignment: FinishedAssignment }) {
  if (!rating) return <p className="text-sm text-mute">How good is the work of {visible(agent_name)}?</p>;
  return (
    <p className="text-sm wrap-anywhere">
      <strong>{percent(rating.quality)}</strong> for {visible(agent_name)},{' '}
      <time dateTime={rating.at}>{fullTime(rating.at)}</time>
      {rating.comment && `: ${visible(rating.comment)}`}
    </p>
  );
}

function RatingForm({ sessionId, taskId, isRated }: { sessionId: string; taskId: string; isRated: boolean }) {
  const client = useClient();
  const queries = useQueryClient();
  const { draft, set, clear } = useDraft(`rating.${taskId}`, EMPTY);
  const comment = draft.comment.trim();
  const rate = useMutation({
    mutationFn: () => client.tasks.rate(taskId, { quality: Number(draft.quality), ...(comment && { comment }) }),
    onSuccess: () => {
      clear();
      return queries.invalidateQueries({ queryKey: sessionKey(sessionId) });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!rate.isPending) rate.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-3">
      {rate.isError && <ErrorNotice error={rate.error} />}
      <Field label="Quality" hint="It decides the agent’s tier.">
        <Select
          required
          value={draft.quality}
          options={[['', 'Choose'], ...QUALITIES]}
          onChange={(event) => set({ ...draft, quality: event.target.value })}
        />
      </Field>
      <Field label="Comment">
        <TextArea
          rows={2}
          maxLength={MAX_COMMENT_CHARS}
          value={draft.comment}
          onChange={(event) => set({ ...draft, comment: event.target.value })}
        />
      </Field>
      <Button type="submit" busy={rate.isPending} disabled={draft.quality === ''}>
        {isRated ? 'Rate again' : 'Rate'}
      </Button>
    </form>
  );
}
