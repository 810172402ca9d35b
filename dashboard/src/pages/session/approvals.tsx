import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type RefObject, useEffect, useId, useState } from 'react';
import { canBeRemembered } from '../../../../src/domain/session/always-rules.ts';
import { unseenWarning, visible } from '../../../../src/domain/visible-text.ts';
import type { ApprovalView } from '../../../../src/protocol/session/approval.ts';
import { APPROVAL_KINDS, type ApprovalRules } from '../../../../src/protocol/session/approval-kinds.ts';
import type { AnswerApprovalRequest } from '../../../../src/protocol/session/requests.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { Field, TextInput } from '../../ui/field.tsx';
import { duration } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/notice.tsx';
import { Panel } from '../../ui/panel.tsx';
import { PatchLines } from '../../ui/patch-view.tsx';
import { useNow } from '../../ui/use-now.ts';
import { Questions } from './questions.tsx';

const HEADINGS: Record<ApprovalView['kind'], string> = {
  permission: 'The agent needs permission',
  question: 'The agent has a question',
  task_gate: 'A task needs your approval to start',
  conflict: 'The work of tasks is in conflict',
};

/** The open approvals. A user whose role may not answer still sees the questions. */
export function Approvals(props: { ref: RefObject<HTMLDivElement | null>; sessionId: string; open: ApprovalView[] }) {
  if (props.open.length === 0) return null;
  return (
    <div ref={props.ref} tabIndex={-1} className="scroll-mt-44 space-y-5 outline-none">
      {props.open.map((approval) => (
        <Approval key={approval.id} sessionId={props.sessionId} approval={approval} />
      ))}
    </div>
  );
}

/**
 * Leads to the open approvals unless the choices of the first one are in sight. It hangs below the session's bar and
 * takes no room there: it goes when the choices come into sight, and they must not move under the pointer then.
 */
export function WaitingBanner({ count, approvals }: { count: number; approvals: RefObject<HTMLElement | null> }) {
  const inSight = useChoicesInSight(approvals, count);
  if (count === 0 || inSight) return null;
  const show = () => {
    approvals.current?.scrollIntoView({ block: 'start' });
    approvals.current?.focus({ preventScroll: true });
  };
  return (
    <button
      type="button"
      onClick={show}
      className="caps absolute inset-x-0 top-[calc(100%+3px)] flex min-h-10 items-center justify-center gap-3 bg-warn px-4 text-paper"
    >
      <span aria-hidden="true" className="blink size-2 shrink-0 bg-current" />
      The session waits for {count === 1 ? 'your answer' : `${count} answers`}: show
    </button>
  );
}

/** Whether all choices of the first open approval are on the screen, below the sticky headers. */
function useChoicesInSight(approvals: RefObject<HTMLElement | null>, count: number): boolean {
  const [inSight, setInSight] = useState(true);
  useEffect(() => {
    const choices = approvals.current?.querySelector('[data-choices]');
    if (!choices || count === 0) return;
    const top = STUCK.reduce((sum, variable) => sum + pixels(variable), 0);
    const observer = new IntersectionObserver(([entry]) => setInSight((entry?.intersectionRatio ?? 1) === 1), {
      threshold: [0, 1],
      rootMargin: `-${top}px 0px 0px 0px`,
    });
    observer.observe(choices);
    return () => observer.disconnect();
  }, [approvals, count]);
  return inSight;
}

const STUCK = ['--header', '--session-bar'] as const;

function pixels(variable: string): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue(variable)) || 0;
}

function Approval({ sessionId, approval }: { sessionId: string; approval: ApprovalView }) {
  const rules: ApprovalRules = APPROVAL_KINDS[approval.kind];
  const warning = unseenWarning(approval);
  const client = useClient();
  const mayAnswer = useMay('operate');
  const answer = useMutation({
    mutationFn: (body: AnswerApprovalRequest) => client.sessions.answer(sessionId, approval.id, body),
  });
  // Until the log has the answer, the approval stays visible but accepts no second answer.
  const busy = answer.isPending || answer.isSuccess;
  return (
    <Panel
      tone="alert"
      title={HEADINGS[approval.kind]}
      aside={approval.expires_at !== null && <Remaining until={approval.expires_at} />}
    >
      <div data-approval={approval.kind} className="space-y-3 p-3">
        {!isRepeated(approval) && <p className="font-bold wrap-anywhere">{visible(approval.title)}</p>}
        {warning !== null && <p className="text-sm font-bold text-bad">{warning}</p>}
        <Detail approval={approval} />
        {answer.isError && <ErrorNotice error={answer.error} />}
        <div data-choices>
          {rules.needs_answers ? (
            <Questions
              questions={approval.questions}
              onlyOptions={rules.only_options ?? false}
              refusal={approval.kind === 'conflict' ? 'Let the task fail' : 'Do not answer'}
              busy={busy}
              onAnswer={mayAnswer ? answer.mutate : null}
            />
          ) : (
            mayAnswer && (
              <DecisionForm decisions={rules.decisions} approval={approval} busy={busy} onAnswer={answer.mutate} />
            )
          )}
          {!mayAnswer && <p className="mt-3 text-sm text-mute">Your role may not answer.</p>}
        </div>
      </div>
    </Panel>
  );
}

/** The lines of a diff from its first hunk on: the heading names the file. A diff of several files keeps its heads. */
function askedLines(diff: string): string[] {
  const lines = diff.replace(/\n$/, '').split('\n');
  const heads = lines.filter((line) => line.startsWith('--- ')).length;
  return heads > 1
    ? lines
    : lines.slice(
        Math.max(
          0,
          lines.findIndex((line) => line.startsWith('@@')),
        ),
      );
}

/** Whether the form below shows the title again: a single question is its own title. */
function isRepeated({ title, questions }: ApprovalView): boolean {
  return questions.length === 1 && questions[0]?.question === title;
}

function Remaining({ until }: { until: string }) {
  const seconds = (Date.parse(until) - useNow()) / 1_000;
  return <span className="caps">{seconds > 0 ? `${duration(seconds)} left` : 'Time is up'}</span>;
}

/** The exact command, change or patterns to approve. */
function Detail({ approval }: { approval: ApprovalView }) {
  const { command, diff, prompt } = approval.detail;
  if (typeof diff === 'string' && diff) {
    return (
      <div className="max-h-96 overflow-auto border-2 border-faint">
        <PatchLines lines={askedLines(diff)} />
      </div>
    );
  }
  const text = visible(
    typeof command === 'string' ? `$ ${command}` : typeof prompt === 'string' ? prompt : approval.patterns.join('\n'),
  );
  return (
    text && <pre className="border-2 border-faint p-2 font-mono text-sm whitespace-pre-wrap wrap-anywhere">{text}</pre>
  );
}

function DecisionForm(props: {
  decisions: ApprovalRules['decisions'];
  approval: ApprovalView;
  busy: boolean;
  onAnswer: (answer: AnswerApprovalRequest) => void;
}) {
  const [message, setMessage] = useState('');
  const hint = useId();
  const reject = (event: FormEvent) => {
    event.preventDefault();
    props.onAnswer({ decision: 'reject', ...(message.trim() && { message: message.trim() }) });
  };
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap gap-2">
        <Button look="strong" disabled={props.busy} onClick={() => props.onAnswer({ decision: 'once' })}>
          {props.approval.kind === 'task_gate' ? 'Approve' : 'Allow once'}
        </Button>
        {props.decisions.includes('always') && canBeRemembered(props.approval) && (
          <>
            <Button
              disabled={props.busy}
              aria-describedby={hint}
              onClick={() => props.onAnswer({ decision: 'always' })}
            >
              Always allow
            </Button>
            <span id={hint} className="min-w-0 self-center text-xs break-words text-mute">
              In this session, from now on:{' '}
              <code>{visible(props.approval.always.join(', ')) || 'requests like this one'}</code>
            </span>
          </>
        )}
      </div>
      <form onSubmit={reject} className="flex items-end gap-2">
        <div className="min-w-0 flex-1">
          <Field label="Or reject with a message">
            <TextInput
              maxLength={5_000}
              placeholder="What to do instead (optional)"
              value={message}
              onChange={(event) => setMessage(event.target.value)}
            />
          </Field>
        </div>
        <Button type="submit" look="danger" disabled={props.busy}>
          Reject
        </Button>
      </form>
    </div>
  );
}
