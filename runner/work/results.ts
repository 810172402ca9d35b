import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { RepositoryError } from '../git/commits.ts';
import type { ModelFailure } from '../opencode/mapping/mapping.ts';
import { type Answer, answerIn, judge, type Verdict } from './evidence.ts';
import { checkpointFailed, WorkContextError } from './failures.ts';
import type { MessageQueue } from './message-queue.ts';
import type { OpenCodePort } from './opencode-port.ts';
import { workLost } from './restoration.ts';
import { WorksConflictError } from './start.ts';
import type { WorkContext } from './work-context.ts';

const MAX_RESULT_CHARS = 100_000;
const MAX_MESSAGE_CHARS = 2_000;

interface ResultsDependencies {
  assignment: Assignment;
  opencode: OpenCodePort;
  messages: MessageQueue;
  report: (frame: AgentFrameBody) => void;
}

/** Reports the results of one assignment. */
export class Results {
  readonly #dependencies: ResultsDependencies;
  #hasFailed = false;

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

  /** Reports what a turn came to if no message is waiting, or if there is no evidence that the turn did anything. */
  async ofTurn(context: WorkContext): Promise<void> {
    const { restoration, checkpoints } = context;
    const { newest: checkpoint, hasChanged } = checkpoints;
    const verdict = judge({ answer: await this.answer(context), hasChanged, restoration, checkpoint });
    const isLast = this.#dependencies.messages.waiting.length === 0;
    if (!isLast && verdict.status !== 'failed') return;
    const problem = verdict.status === 'completed' ? await restoreProblem(context) : null;
    await this.report(context, problem ?? verdict);
  }

  /** Reports the result of a run whose last turn an earlier lease has done. */
  async ofEarlier(context: WorkContext): Promise<void> {
    const { restoration } = context;
    // No prompt is left in which the model could learn that its work is gone.
    if (restoration.type === 'base') return this.fail(context, workLost(restoration));
    const { checkpoint } = this.#dependencies.assignment;
    const hasChanged = checkpoint !== null && checkpoint.patch_artifact_id !== null;
    await this.report(context, judge({ answer: await this.answer(context), hasChanged, restoration, checkpoint }));
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
    const problem = await restoreProblem(context);
    await this.report(context, problem ?? withoutLoss(context), text);
  }

  fail(context: WorkContext, error: ModelFailure | null): Promise<void> {
    return this.report(context, { status: 'failed', error });
  }

  async report(context: WorkContext, { status, error }: Verdict, words?: string): Promise<void> {
    const { messages, report } = this.#dependencies;
    const { text, finish } = words === undefined ? await this.answer(context) : { text: words, finish: null };
    this.#hasFailed = status === 'failed';
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
