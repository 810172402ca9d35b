import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
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

/** How a person has rated an agent's work on each task, and a form to rate it. */
export function Ratings({ sessionId, tasks }: { sessionId: string; tasks: readonly TaskView[] }) {
  const mayRate = useMay('operate');
  return tasks.map(({ id, title, last_assignment: assignment }) => {
    if (!assignment || !(mayRate || assignment.rating)) return null;
    return (
      <Panel key={id} title={tasks.length > 1 ? `Rating, ${visible(title)}` : 'Rating'}>
        <div className="space-y-3 p-3">
          <Present assignment={assignment} />
          {mayRate && <RatingForm sessionId={sessionId} taskId={id} isRated={assignment.rating !== null} />}
        </div>
      </Panel>
    );
  });
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
