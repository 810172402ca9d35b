import { type FormEvent, useState } from 'react';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { ApprovalView } from '../../../../src/protocol/session/approval.ts';
import type { AnswerApprovalRequest } from '../../../../src/protocol/session/requests.ts';
import { Button } from '../../ui/button.tsx';
import { Field, TextInput } from '../../ui/field.tsx';

type Question = ApprovalView['questions'][number];
/** The chosen options of one question, and the answer in the user's own words. */
interface Reply {
  labels: string[];
  own: string;
}

/**
 * A form with the questions of an approval. Each is answered by options or, unless these are all that may be answered, in
 * the user's own words.
 *
 * @param refusal the words of the button that answers nothing
 * @param onAnswer null if the user may not answer
 */
export function Questions(props: {
  questions: Question[];
  onlyOptions: boolean;
  refusal: string;
  busy: boolean;
  onAnswer: ((answer: AnswerApprovalRequest) => void) | null;
}) {
  const [replies, setReplies] = useState<Reply[]>(() => props.questions.map(() => ({ labels: [], own: '' })));
  const answers = replies.map(({ labels, own }) => (own.trim() ? [...labels, own.trim()] : labels));
  const complete = answers.every((chosen) => chosen.length > 0);
  const { onAnswer } = props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onAnswer?.({ decision: 'once', answers });
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      {props.questions.map((question, index) => (
        <QuestionPart
          key={question.question}
          question={question}
          name={`question-${index}`}
          reply={replies[index]!}
          disabled={onAnswer === null}
          onlyOptions={props.onlyOptions}
          onReply={(reply) => setReplies(replies.with(index, reply))}
        />
      ))}
      {onAnswer && (
        <div className="flex flex-wrap gap-2">
          <Button type="submit" look="strong" disabled={props.busy || !complete}>
            Answer
          </Button>
          <Button look="danger" disabled={props.busy} onClick={() => onAnswer({ decision: 'reject' })}>
            {props.refusal}
          </Button>
        </div>
      )}
    </form>
  );
}

function QuestionPart(props: {
  question: Question;
  name: string;
  reply: Reply;
  disabled: boolean;
  onlyOptions: boolean;
  onReply: (reply: Reply) => void;
}) {
  const { question, reply } = props;
  const choose = (label: string, on: boolean) => {
    const others = question.multiple ? reply.labels.filter((other) => other !== label) : [];
    // A single-choice question has one answer, so a chosen option replaces the user's own words.
    props.onReply({ labels: on ? [...others, label] : others, own: question.multiple ? reply.own : '' });
  };
  return (
    <fieldset disabled={props.disabled} className="space-y-2">
      <legend className="mb-2 text-sm">
        {question.header && <span className="caps mr-2">{visible(question.header)}</span>}
        {visible(question.question)}
      </legend>
      {question.options.map((option) => (
        <label
          key={option.label}
          className="flex items-start gap-3 border-2 border-faint px-3 py-2 text-sm has-checked:border-ink"
        >
          <input
            type={question.multiple ? 'checkbox' : 'radio'}
            name={props.name}
            className="mt-0.5 size-4 shrink-0 accent-ink"
            checked={reply.labels.includes(option.label)}
            onChange={(event) => choose(option.label, event.target.checked)}
          />
          <span>
            <span className="font-bold">{visible(option.label)}</span>
            {option.description !== option.label && (
              <span className="block text-mute">{visible(option.description)}</span>
            )}
          </span>
        </label>
      ))}
      {!props.disabled && !props.onlyOptions && (
        <Field label="In your own words">
          <TextInput
            maxLength={5_000}
            value={reply.own}
            onChange={(event) =>
              props.onReply({ labels: question.multiple ? reply.labels : [], own: event.target.value })
            }
          />
        </Field>
      )}
    </fieldset>
  );
}
