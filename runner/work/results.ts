import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { RepositoryError } from '../git/commits.ts';
import { note } from '../note.ts';
import type { ModelFailure } from '../opencode/mapping/mapping.ts';
import type { Checks } from './checks.ts';
import { type Answer, answerIn, judge, type Verdict } from './evidence.ts';
import { checkpointFailed, checksFailed, WorkContextError } from './failures.ts';
import type { MessageQueue } from './message-queue.ts';
import type { OpenCodePort } from './opencode-port.ts';
import { workLost } from './restoration.ts';
import { WorksConflictError } from './start.ts';
import type { WorkContext } from './work-context.ts';

const PLANNER_HAS_CHANGED_FILES = 'The planner has changed files. They are no part of the work, and are discarded.';
const MAX_RESULT_CHARS = 100_000;
const MAX_MESSAGE_CHARS = 2_000;

interface ResultsDependencies {
  assignment: Assignment;
  opencode: OpenCodePort;
  messages: MessageQueue;
  checks: Checks;
  /** Takes a checkpoint if the files are other ones than in the newest. @returns why that failed, or null */
  saveChanges: () => Promise<Error | null>;
  report: (frame: AgentFrameBody) => void;
}

/** A result before its checks. `text`: what was done without a model, which has no answer. */
type PendingResult = Verdict & { text?: string };

/** Reports the results of one assignment. */
export class Results {
  readonly #dependencies: ResultsDependencies;
  #hasFailed = false;
  #pending: PendingResult | null = null;

  constructor(dependencies: ResultsDependencies) {
    this.#dependencies = dependencies;
  }

  /** The last result was a failure, so the session ends the lease. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** The model's last answer. */
  async answer({ conversationId }: WorkContext): Promise<Answer> {
    return answerIn(await this.#dependencies.opencode.messages(conversationId).catch(() => []));
  }

  /** A result that waits for its checks, which were interrupted; null without one. */
  get pending(): PendingResult | null {
    return this.#pending;
  }

  /** Reports what a turn came to if no message is waiting, or if there is no evidence that the turn did anything. */
  async ofTurn(context: WorkContext): Promise<void> {
    const { restoration, checkpoints } = context;
    const { newest: checkpoint, hasChanged } = checkpoints;
    const verdict = judge({ answer: await this.answer(context), hasChanged, restoration, checkpoint });
    const isLast = this.#dependencies.messages.waiting.length === 0;
    if (isLast || verdict.status === 'failed') await this.checked(context, verdict);
  }

  /**
   * Reports a result after the checks have run. If they fail, the session gives them back as another prompt, or ends the
   * lease. If they are interrupted, nothing is reported yet.
   */
  async checked(context: WorkContext, verdict: PendingResult): Promise<void> {
    const { checks, saveChanges } = this.#dependencies;
    this.#pending = null;
    if (verdict.status === 'failed' || !checks.exist) return this.#verified(context, verdict);
    const end = await checks.run(context.directory);
    if (end.type === 'interrupted') {
      this.#pending = verdict;
      return;
    }
    // What a check has changed, such as a formatter, belongs to the work.
    const problem = await saveChanges();
    if (problem !== null) return this.fail(context, checkpointFailed(problem));
    if (end.type === 'passed') return this.#verified(context, verdict);
    await this.report(context, { status: 'failed', error: checksFailed(end.commands) }, verdict.text);
    this.#hasFailed = false;
  }

  /** The next turn will have a result of its own. */
  turnBegins(): void {
    this.#pending = null;
  }

  async #verified(context: WorkContext, verdict: PendingResult): Promise<void> {
    const problem = verdict.status === 'completed' ? await restoreProblem(context) : null;
    await this.report(context, problem ?? verdict, verdict.text);
  }

  /** Reports the result of a run whose last turn an earlier lease has done. */
  async ofEarlier(context: WorkContext): Promise<void> {
    const { restoration } = context;
    // No prompt is left in which the model could learn that its work is gone.
    if (restoration.type === 'base') return this.fail(context, workLost(restoration));
    const { checkpoint } = this.#dependencies.assignment;
    const hasChanged = checkpoint !== null && checkpoint.patch_artifact_id !== null;
    await this.checked(context, judge({ answer: await this.answer(context), hasChanged, restoration, checkpoint }));
  }

  /** Reports that the work could not start. The agent refuses what it cannot do; any other error costs an attempt. */
  couldNotStart(error: Error): void {
    const { messages, report } = this.#dependencies;
    const message = error.message.slice(0, MAX_MESSAGE_CHARS);
    if (error instanceof WorksConflictError) return report({ type: 'conflict', data: error.report });
    const isRefusal = error instanceof WorkContextError || error instanceof RepositoryError;
    if (isRefusal) return report({ type: 'released', data: { reason: 'refused', message } });
    const failure: ModelFailure = { code: 'start_failed', message, retryable: true };
    const result = { status: 'failed', text: '', messages_done: messages.done, finish: null, error: failure } as const;
    report({ type: 'result', data: result });
  }

  /** Reports that work without a model is done. `text` says what was done. */
  async ofMerge(context: WorkContext, text: string): Promise<void> {
    await this.checked(context, { ...withoutLoss(context), text });
  }

  fail(context: WorkContext, error: ModelFailure | null): Promise<void> {
    return this.report(context, { status: 'failed', error });
  }

  async report(context: WorkContext, { status, error }: Verdict, words?: string): Promise<void> {
    const { assignment, messages, report } = this.#dependencies;
    const { text, finish } = words === undefined ? await this.answer(context) : { text: words, finish: null };
    this.#hasFailed = status === 'failed';
    if (assignment.kind === 'plan' && context.checkpoints.hasChanged) {
      report(note('warning', PLANNER_HAS_CHANGED_FILES));
    }
    context.checkpoints.resultReported();
    const data = {
      status,
      text: text.slice(0, MAX_RESULT_CHARS),
      messages_done: messages.done,
      finish,
      files_changed: context.checkpoints.newest?.files.length,
      error,
    };
    report({ type: 'result', data });
  }
}

function withoutLoss({ restoration }: WorkContext): Verdict {
  const error = workLost(restoration);
  return { status: error === null ? 'completed' : 'partial', error };
}

/** Completed work can be restored. The verdict if the newest checkpoint cannot; null if it can. */
async function restoreProblem({ checkpoints }: WorkContext): Promise<Verdict | null> {
  return checkpoints.verify().then(
    () => null,
    (error: Error) => ({ status: 'failed', error: checkpointFailed(error) }),
  );
}
