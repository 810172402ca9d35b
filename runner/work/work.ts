import type { Assignment, Command } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { ModelFailure } from '../opencode/mapping/mapping.ts';
import type { ConversationMessage, Prompt } from './opencode-port.ts';
import { Prompts } from './prompts.ts';
import { type Interruption, Turn, type TurnOutcome } from './turn.ts';
import { Wakeup } from './wakeup.ts';
import { openWorkContext, type WorkContext, type WorkContextDependencies } from './work-context.ts';

type Message = Extract<Command, { type: 'message' }>['data'];
type ReleaseReason = Extract<AgentFrameBody, { type: 'released' }>['data']['reason'];

const MAX_RESULT_CHARS = 100_000;
/** The server may die under a turn this often before the turn counts as failed. */
const MAX_CUTS = 3;
const STEP_CHECKPOINT_MS = 30_000;

export interface WorkDependencies extends WorkContextDependencies {
  /** `provider/model` for assignments that name none. */
  model: string;
  log: (line: string) => void;
  /** Inside a long turn a checkpoint is made at the end of a step, so long after the one before; 30,000 by default. */
  stepCheckpointMs?: number;
}

/**
 * Works on one assignment: prompts one after the other, each a turn with a checkpoint after it, until nothing waits;
 * then the result, and more turns when more is asked. Ends when the lease ends, or by giving it back.
 */
export class Work {
  readonly #assignment: Assignment;
  readonly #dependencies: WorkDependencies;
  readonly #wakeup = new Wakeup();
  readonly #prompts: Prompts;
  readonly #waiting: Message[] = [];
  #place: WorkContext | null = null;
  #turn: Turn | null = null;
  #turnNumber = 0;
  /** All up to this one are done. */
  #messagesDone: number;
  /** Numbers above that which are done already: a message that was steered into a turn overtakes those that wait. */
  readonly #doneEarly = new Set<number>();
  /** Messages of the running turn: its prompt, and those steered into it. */
  #inTurn: Message[] = [];
  #release: { reason: ReleaseReason; message: string } | null = null;
  #hasFailed = false;
  #isQuiet = false;
  #isCancelled = false;
  /** A checkpoint was asked for before there was anything to make one of. */
  #isCheckpointAsked = false;
  #checkpointAt = performance.now();

  constructor(assignment: Assignment, dependencies: WorkDependencies) {
    this.#assignment = assignment;
    this.#dependencies = dependencies;
    this.#messagesDone = assignment.messages_done;
    this.#prompts = new Prompts(assignment, dependencies.coding, dependencies.model);
  }

  /** Runs until the lease was given back or {@link cancel} was called; what goes wrong becomes a frame, never an error. */
  async run(): Promise<void> {
    try {
      this.#place = await openWorkContext(this.#assignment, this.#dependencies);
    } catch (error) {
      if (!this.#isCancelled) this.#giveBack('refused', (error as Error).message);
      return;
    }
    if (this.#isCheckpointAsked) await this.#checkpoint(true);
    // The predecessor was lost between its last checkpoint and its result: there is nothing left to prompt.
    if (this.#assignment.messages_last <= this.#messagesDone) await this.#result(this.#place, 'completed', null);
    while (!this.#isCancelled) {
      if (this.#release !== null) {
        await this.#checkpoint(false);
        this.#giveBack(this.#release.reason, this.#release.message);
        return;
      }
      // The session ends the lease of work that has failed: what waits is for the next one.
      const message = this.#hasFailed ? undefined : this.#waiting.shift();
      if (message === undefined) await this.#wakeup.wait();
      else if (!this.#isDone(message)) await this.#workOn(this.#place, message);
    }
  }

  /** Takes a command; resolves when it need not be sent again. */
  async command(command: Command): Promise<void> {
    switch (command.type) {
      case 'message':
        return this.#message(command.data);
      case 'approval_reply':
        return this.#place?.approvals.reply(command.data).catch((error: Error) => {
          this.#report(note(`An answer could not be passed on: ${error.message}`));
        });
      case 'checkpoint':
        if (this.#place === null) this.#isCheckpointAsked = true;
        else await this.#checkpoint(true);
        return;
      case 'pause':
        return this.end('paused', 'paused as asked', command.data.within_ms);
      case 'stop':
        return this.end('stopped', 'stopped as asked', command.data.within_ms);
    }
  }

  /** Gives the lease back after the present step, or after `withinMs` with whatever is running then. */
  end(reason: ReleaseReason, message: string, withinMs: number): void {
    if (this.#release !== null) return;
    this.#release = { reason, message };
    const by: Interruption = reason === 'stopped' ? 'stop' : 'pause';
    this.#turn?.endAtBoundary(by);
    setTimeout(() => this.#turn?.interrupt(by), withinMs).unref();
    this.#wakeup.signal();
  }

  /** Nothing has been heard of the session for so long that the lease may be someone else's: stop acting. */
  quiet(): void {
    this.#isQuiet = true;
    this.#turn?.interrupt('quiet');
  }

  /** The lease proved alive after all. */
  alive(): void {
    this.#isQuiet = false;
    this.#wakeup.signal();
  }

  /** The lease is lost or has ended: abort, and report nothing more. */
  cancel(): void {
    this.#isCancelled = true;
    this.#turn?.interrupt('cancelled');
    this.#wakeup.signal();
  }

  /** After {@link run} has returned: removes worktree and conversation, unless the work exists nowhere else. */
  async dispose(): Promise<void> {
    if (this.#place === null) return;
    const { coding, repository, log } = this.#dependencies;
    const { worktree, directory, conversationId, checkpoints } = this.#place;
    await checkpoints.settled();
    if (checkpoints.isWorkSafe) await coding.forgetConversation(conversationId).catch(() => undefined);
    await coding.releaseDirectory(directory).catch(() => undefined);
    if (checkpoints.isWorkSafe) await repository.removeWorktree(worktree.path);
    else log(`work that is nowhere else is kept in ${worktree.path}`);
  }

  async #message(message: Message): Promise<void> {
    const [place, turn] = [this.#place, this.#turn];
    if (message.delivery === 'steer' && turn !== null && place !== null && this.#release === null) {
      const isTaken = await turn.steer(() => this.#prompts.of(place, message));
      if (isTaken) {
        this.#inTurn.push(message);
        return;
      }
    }
    this.#waiting.push(message);
    this.#wakeup.signal();
  }

  async #workOn(place: WorkContext, message: Message): Promise<void> {
    this.#turnNumber += 1;
    this.#inTurn = [message];
    const { agent } = this.#assignment.agent_config;
    const data = { turn: this.#turnNumber, message: message.number, model: this.#prompts.model, agent: agent ?? null };
    this.#report({ type: 'turn.started', data });
    const outcome = await this.#run(place, message).catch(
      (error: Error): TurnOutcome => ({ type: 'failed', failure: unavailable(error) }),
    );
    if (!this.#isCancelled) await this.#conclude(place, message, outcome);
  }

  /** Runs the prompt, and goes on with it for as long as it was only cut off. */
  async #run(place: WorkContext, message: Message): Promise<TurnOutcome> {
    let prompt = await this.#prompts.next(place, message);
    for (let cuts = 0; ; ) {
      while (this.#isQuiet && this.#heldBack === null) await this.#wakeup.wait();
      const outcome = this.#heldBack ?? (await this.#runTurn(place, prompt));
      if (this.#isCancelled) return outcome;
      if (outcome.type === 'cut_off') {
        cuts += 1;
        if (cuts > MAX_CUTS) return { type: 'failed', failure: unavailable(new Error('OpenCode keeps exiting.')) };
        this.#report(note(`OpenCode was restarted; the conversation goes on (${cuts} of ${MAX_CUTS}).`));
      } else if (outcome.type !== 'interrupted' || outcome.by !== 'quiet' || this.#release !== null) {
        return outcome;
      }
      prompt = await this.#askAgain(place, message);
    }
  }

  /** OpenCode takes a prompt before it stores it, so a restart may have lost what this turn was asked. */
  async #askAgain(place: WorkContext, message: Message): Promise<Prompt> {
    const stored = await this.#prompts.stored(place, this.#inTurn);
    const lost = this.#inTurn.filter((steered) => steered !== message && !stored.includes(steered));
    this.#inTurn = this.#inTurn.filter((asked) => !lost.includes(asked));
    this.#waiting.unshift(...lost);
    return this.#prompts.next(place, message);
  }

  /** What came while no turn was there to end, and lets none begin; null when one may. */
  get #heldBack(): TurnOutcome | null {
    if (this.#isCancelled) return { type: 'interrupted', by: 'cancelled' };
    if (this.#release === null) return null;
    return { type: 'interrupted', by: this.#release.reason === 'stopped' ? 'stop' : 'pause' };
  }

  async #runTurn(place: WorkContext, prompt: Prompt): Promise<TurnOutcome> {
    const { coding, report } = this.#dependencies;
    const { mapping, approvals, conversationId, directory } = place;
    const maxSteps = this.#assignment.agent_config.max_turns ?? null;
    const onStep = () => this.#stepEnded();
    this.#turn = new Turn({ coding, mapping, approvals, conversationId, directory, report, onStep, maxSteps });
    try {
      return await this.#turn.run(prompt);
    } finally {
      this.#turn = null;
    }
  }

  async #conclude(place: WorkContext, message: Message, outcome: TurnOutcome): Promise<void> {
    place.preface = null;
    if (outcome.type === 'completed') {
      const data = { turn: this.#turnNumber, message: message.number, finish: outcome.finish };
      this.#report({ type: 'turn.completed', data });
      await this.#takeAnswered(place);
      this.#turnDone();
    }
    // Whoever releases or fails next is at the checkpoint anyway; a pause makes its own.
    const isPausing = outcome.type === 'interrupted' && (outcome.by === 'pause' || outcome.by === 'stop');
    if (isPausing) return;
    const problem = await this.#checkpoint(false);
    if (this.#isCancelled || this.#release !== null) return;
    if (outcome.type === 'failed') return this.#result(place, 'failed', outcome.failure);
    if (problem !== null) return this.#result(place, 'failed', notSaved(problem));
    if (outcome.type === 'interrupted' && outcome.by === 'limit') {
      this.#turnDone();
      return this.#result(place, 'partial', limitReached());
    }
    if (outcome.type === 'interrupted') return this.#result(place, 'failed', TAMPERING);
    if (this.#waiting.length === 0) await this.#result(place, 'completed', null);
  }

  /** What an earlier lease steered into the conversation was read with the rest of it: it needs no turn of its own. */
  async #takeAnswered(place: WorkContext): Promise<void> {
    const answered = await this.#prompts.stored(place, this.#waiting).catch(() => []);
    for (const message of answered) this.#waiting.splice(this.#waiting.indexOf(message), 1);
    this.#inTurn.push(...answered);
  }

  #turnDone(): void {
    for (const { number } of this.#inTurn) this.#doneEarly.add(number);
    while (this.#doneEarly.delete(this.#messagesDone + 1)) this.#messagesDone += 1;
  }

  #isDone({ number }: Message): boolean {
    return number <= this.#messagesDone || this.#doneEarly.has(number);
  }

  async #result(
    place: WorkContext,
    status: 'completed' | 'partial' | 'failed',
    error: ModelFailure | null,
  ): Promise<void> {
    const messages = await this.#dependencies.coding.messages(place.conversationId).catch(() => []);
    const text = finalText(messages).slice(0, MAX_RESULT_CHARS);
    this.#hasFailed = status === 'failed';
    this.#report({ type: 'result', data: { status, text, messages_done: this.#messagesDone, error } });
  }

  /** What a long turn has done so far is not to be lost with this machine. */
  #stepEnded(): void {
    const everyMs = this.#dependencies.stepCheckpointMs ?? STEP_CHECKPOINT_MS;
    if (performance.now() - this.#checkpointAt >= everyMs) void this.#checkpoint(false);
  }

  /** @returns what went wrong, or null */
  async #checkpoint(requested: boolean): Promise<Error | null> {
    this.#checkpointAt = performance.now();
    const place = { turn: this.#turnNumber, messages_done: this.#messagesDone, requested };
    try {
      await this.#place?.checkpoints.make(place);
      return null;
    } catch (error) {
      this.#report(note(`No checkpoint could be made: ${(error as Error).message}`));
      return error as Error;
    }
  }

  #giveBack(reason: ReleaseReason, message: string): void {
    this.#report({ type: 'released', data: { reason, message: message.slice(0, 2_000) } });
  }

  #report(frame: AgentFrameBody): void {
    if (!this.#isCancelled) this.#dependencies.report(frame);
  }
}

const TAMPERING: ModelFailure = {
  code: 'tampering',
  message: 'A request for approval was answered by someone other than the orchestrator.',
  retryable: false,
};

function limitReached(): ModelFailure {
  return {
    code: 'max_turns',
    message: 'The limit of model turns was reached before the work was done.',
    retryable: true,
  };
}

/** What was done is in the worktree that stays here, and nowhere else: whoever goes on has only what was saved before. */
function notSaved(error: Error): ModelFailure {
  return { code: 'checkpoint_failed', message: `The work could not be saved: ${error.message}`, retryable: true };
}

function unavailable(error: Error): ModelFailure {
  return { code: 'opencode_unavailable', message: error.message, retryable: true };
}

function note(text: string): AgentFrameBody {
  return { type: 'agent.note', data: { level: 'warning', text: text.slice(0, 2_000) } };
}

/** What the model said last. */
function finalText(messages: ConversationMessage[]): string {
  const last = messages.findLast(({ info }) => info.role === 'assistant');
  return (last?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}
