import { boundsOf, type GivenCeilings, isBudget } from '../../src/domain/session/ceilings.ts';
import type { Assignment, Command } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { Worktree } from '../git/worktree.ts';
import { note } from '../note.ts';
import type { Setup } from '../setup/setup.ts';
import { CeilingWatch } from './ceiling-watch.ts';
import { CheckpointSchedule } from './checkpoint-schedule.ts';
import { Checks } from './checks.ts';
import { hasText } from './evidence.ts';
import { checkpointFailed, opencodeUnavailable, TAMPERING, workStays } from './failures.ts';
import type { LeaseClose, LeaseWork, ReleaseReason } from './lease-work.ts';
import { type Message, MessageQueue } from './message-queue.ts';
import type { Prompt } from './opencode-port.ts';
import { prepareWork } from './preparation.ts';
import { Prompts } from './prompts.ts';
import { MAX_MARKER_ROUNDS, markersLeft, mergeText, unresolved } from './resolving.ts';
import { Results } from './results.ts';
import { type Interruption, Turn, type TurnOutcome } from './turn.ts';
import { Wakeup } from './wakeup.ts';
import {
  closeWorkContext,
  endTools,
  openWorkContext,
  type WorkContext,
  type WorkContextDependencies,
} from './work-context.ts';

/** How often the OpenCode server may exit during a turn before the turn fails. */
const MAX_RESTARTS = 3;

export interface WorkDependencies extends WorkContextDependencies {
  agentName: string;
  /** The model for assignments that name none, as `provider/model`. */
  model: string;
  /** The agent's own; the session can set lower ones. */
  ceilings: GivenCeilings;
  setup: Setup;
  /** What OpenCode starts its tools with. */
  toolEnvironment: () => Record<string, string>;
  /** Minimum time between two checkpoints inside a turn; they are taken at the end of a step. 30,000 by default. */
  stepCheckpointMs?: number;
}

/**
 * Works on one assignment. Runs the messages one after the other, each as a turn with a checkpoint after it, and
 * reports a result when no message is waiting. Later messages start more turns. Ends when the lease ends or is
 * released.
 */
export class Work implements LeaseWork {
  readonly #assignment: Assignment;
  readonly #dependencies: WorkDependencies;
  readonly #wakeup = new Wakeup();
  readonly #prompts: Prompts;
  readonly #results: Results;
  readonly #messages: MessageQueue;
  readonly #checks: Checks;
  readonly #ceilings: CeilingWatch;
  readonly #checkpoints: CheckpointSchedule;
  #context: WorkContext | null = null;
  #turn: Turn | null = null;
  #turnNumber = 0;
  #release: { reason: ReleaseReason; message: string } | null = null;
  #isQuiet = false;
  #isCancelled = false;
  /** Resolves when the lease is to be released, or is over. */
  readonly #ending = Promise.withResolvers<void>();
  /** Aborted then. */
  readonly #ended = new AbortController();

  constructor(assignment: Assignment, dependencies: WorkDependencies) {
    this.#assignment = assignment;
    this.#dependencies = dependencies;
    this.#messages = new MessageQueue(assignment.messages_done);
    this.#ceilings = new CeilingWatch(
      boundsOf(dependencies.ceilings, assignment.agent_config),
      assignment.usage_before,
    );
    this.#prompts = new Prompts(assignment, dependencies.opencode, dependencies.model);
    const report = (frame: AgentFrameBody) => this.#report(frame);
    const { opencode, toolEnvironment } = dependencies;
    this.#checks = new Checks({ assignment, toolEnvironment, report });
    const saveChanges = () => this.#saveChanges();
    const [messages, checks] = [this.#messages, this.#checks];
    this.#results = new Results({ assignment, opencode, messages, checks, saveChanges, report });
    this.#checkpoints = new CheckpointSchedule({
      checkpoints: () => this.#context?.checkpoints ?? null,
      position: () => ({ turn: this.#turnNumber, messages_done: this.#messages.done }),
      isInTurn: () => this.#turn !== null,
      ending: this.#ending.promise,
      report,
      everyMs: dependencies.stepCheckpointMs,
    });
  }

  /**
   * Runs until the lease is released or {@link cancel} is called. Failures become frames; the promise never rejects.
   */
  async run(): Promise<void> {
    try {
      this.#context = await openWorkContext(this.#assignment, this.#dependencies, this.#ended.signal);
    } catch (error) {
      // Nobody has worked yet, so the session has all there is.
      if (this.#release !== null) return this.#reportReleased(this.#release.reason, this.#release.message);
      return this.#results.couldNotStart(error as Error);
    }
    if (this.#isCancelled) return;
    await this.#checkpoints.opened();
    if (this.#needsNoModel(this.#context)) await this.#reportMerge(this.#context);
    // The previous agent was lost between its last checkpoint and its result, so no prompt is left to run.
    else if (this.#assignment.messages_last <= this.#messages.done) await this.#resultOfEarlier(this.#context);
    while (!this.#isCancelled) {
      if (this.#release !== null) {
        await endTools(this.#context);
        const problem = await this.#checkpoints.takeLast();
        if (problem !== null) this.#report(workStays(this.#dependencies.agentName, this.#context.worktree.path));
        this.#reportReleased(this.#release.reason, this.#release.message);
        return;
      }
      // The session ends the lease after a failure, and the next lease runs the waiting messages.
      const message = this.#results.hasFailed ? undefined : this.#messages.next();
      const { pending } = this.#results;
      if (message !== undefined) await this.#workOn(this.#context, message);
      else if (pending !== null && !this.#isQuiet) await this.#results.checked(this.#context, pending);
      else await this.#wakeup.wait();
    }
  }

  /** Handles a command from the session; resolves when the session need not send it again. */
  async command(command: Command): Promise<void> {
    switch (command.type) {
      case 'message':
        return this.#message(command.data);
      case 'approval_reply':
        return this.#context?.approvals.reply(command.data).catch((error: Error) => {
          this.#report(note('warning', `A reply could not be passed to OpenCode: ${error.message}`));
        });
      case 'checkpoint':
        return this.#checkpoints.asked();
      case 'end_tools':
        return this.#context?.processes.end(command.data.call_id);
      case 'pause':
        return this.end('paused', 'paused as requested', command.data.within_ms);
      case 'stop':
        return this.end('stopped', 'stopped as requested', command.data.within_ms);
      default:
        command satisfies never;
    }
  }

  /**
   * Releases the lease after the current step. After `withinMs`, aborts the step and releases the lease. A second call
   * can only shorten the time.
   */
  end(reason: ReleaseReason, message: string, withinMs: number): void {
    this.#release ??= { reason, message };
    this.#ending.resolve();
    this.#ended.abort();
    const by: Interruption = this.#release.reason === 'stopped' ? 'stop' : 'pause';
    this.#turn?.interruptAfterStep(by);
    setTimeout(() => this.#turn?.interrupt(by), withinMs).unref();
    this.#checks.interrupt();
    this.#wakeup.signal();
  }

  /** The session has been silent for so long that another agent may hold the lease: aborts the turn. */
  quiet(): void {
    this.#isQuiet = true;
    this.#turn?.interrupt('quiet');
    this.#checks.interrupt();
  }

  /** After {@link quiet}: this agent still holds the lease. */
  alive(): void {
    this.#isQuiet = false;
    this.#wakeup.signal();
  }

  /** Nothing more can be reported: aborts the turn. The worktree stays, because no checkpoint has its newest work. */
  keep(): void {
    this.#context?.checkpoints.close();
    this.cancel();
  }

  /** The lease is lost or has ended: aborts the turn and reports nothing more. */
  cancel(): void {
    this.#isCancelled = true;
    this.#ending.resolve();
    this.#ended.abort();
    this.#turn?.interrupt('cancelled');
    this.#checks.interrupt();
    this.#wakeup.signal();
  }

  /**
   * After {@link run} has resolved: ends the processes that its commands have started, and removes worktree and
   * conversation, unless they hold the only copy of the work.
   */
  async dispose(close: LeaseClose = {}): Promise<Worktree | null> {
    return this.#context === null ? null : closeWorkContext(this.#context, this.#dependencies, close);
  }

  /** Whether the merge with which the lease has begun is all of its work. */
  #needsNoModel({ conflict }: WorkContext): boolean {
    const { kind, checkpoint, messages_done, messages_last } = this.#assignment;
    const isAllDone = messages_last <= messages_done;
    if (kind === 'integrate') return isAllDone;
    // A person has decided, and the task's prompt asks a model for it.
    return kind === 'resolve' && conflict === null && (isAllDone || !checkpoint?.messages_done);
  }

  async #reportMerge(context: WorkContext): Promise<void> {
    this.#messages.skipTo(this.#assignment.messages_last);
    const problem = await this.#checkpoints.take({ isAwaited: true });
    if (this.#isCancelled || this.#release !== null) return;
    if (problem !== null) return this.#results.fail(context, checkpointFailed(problem));
    // The checks need what the set-up makes.
    if (this.#checks.exist) await this.#prepare(context);
    if (this.#pendingInterruption !== null) return;
    const text = mergeText(this.#assignment.kind, context.startsFrom, this.#checks.exist);
    await this.#results.ofMerge(context, text);
  }

  async #message(message: Message): Promise<void> {
    const [context, turn] = [this.#context, this.#turn];
    if (message.delivery === 'steer' && turn !== null && context !== null && this.#release === null) {
      const isTaken = await turn.steer(() => this.#prompts.original(context, message));
      if (isTaken) {
        this.#messages.addToTurn([message]);
        return;
      }
    }
    this.#messages.push(message);
    // The message comes first, and the checks run after it.
    this.#checks.interrupt();
    this.#wakeup.signal();
  }

  async #resultOfEarlier(context: WorkContext): Promise<void> {
    // The checks need what the set-up makes.
    if (this.#checks.exist) await this.#prepare(context);
    if (this.#pendingInterruption === null) await this.#results.ofEarlier(context);
  }

  #prepare(context: WorkContext): Promise<void> {
    const report = (frame: AgentFrameBody) => this.#report(frame);
    const isPlanning = this.#assignment.kind === 'plan';
    return prepareWork(context, { ...this.#dependencies, isPlanning, report, ending: this.#ending.promise });
  }

  async #saveChanges(): Promise<Error | null> {
    const isBehind = await this.#context?.checkpoints.isBehind().catch(() => true);
    return isBehind ? this.#checkpoints.take({ isAwaited: true }) : null;
  }

  /** The model is told which checks fail already on the merged work from which it starts. */
  async #checkStart(context: WorkContext): Promise<void> {
    const told = await this.#checks.runAtStart(context.directory);
    context.checkpoints.startsFrom(await context.worktree.changes());
    context.notice = [context.notice, told].filter((part) => part !== null).join('\n\n') || null;
  }

  async #workOn(context: WorkContext, message: Message): Promise<void> {
    await this.#prepare(context);
    if (this.#checks.areDueAtStart && this.#pendingInterruption === null) await this.#checkStart(context);
    // The message is not done, so the session sends it to the next lease.
    if (this.#pendingInterruption !== null) return;
    this.#turnNumber += 1;
    this.#results.turnBegins();
    this.#messages.beginTurn(message);
    const { agent } = this.#assignment.agent_config;
    const data = { turn: this.#turnNumber, message: message.number, model: this.#prompts.model, agent: agent ?? null };
    this.#report({ type: 'turn.started', data });
    const outcome = await this.#run(context, message).catch(
      (error: Error): TurnOutcome => ({ type: 'failed', failure: opencodeUnavailable(error) }),
    );
    if (!this.#isCancelled) await this.#conclude(context, message, outcome);
  }

  /** Runs the message's prompt. If the turn is cut off or interrupted by silence, continues it with another prompt. */
  async #run(context: WorkContext, message: Message): Promise<TurnOutcome> {
    let prompt = await this.#prompts.next(context, message);
    for (let [restarts, rounds] = [0, 0]; ; ) {
      while (this.#isQuiet && this.#pendingInterruption === null) await this.#wakeup.wait();
      const outcome = this.#pendingInterruption ?? (await this.#runTurn(context, prompt));
      if (this.#isCancelled) return outcome;
      const left = outcome.type === 'completed' ? await markersLeft(context.worktree.path, context.conflict) : null;
      if (left !== null) {
        if (rounds === MAX_MARKER_ROUNDS) return { type: 'failed', failure: unresolved(left) };
        rounds += 1;
        prompt = await this.#prompts.followUp(context, message, left);
        continue;
      }
      const isSilent = outcome.type === 'interrupted' && outcome.by === 'silence' && this.#release === null;
      const silence = isSilent ? this.#ceilings.silent(context.mapping.calls) : null;
      if (outcome.type === 'cut_off') {
        restarts += 1;
        if (restarts > MAX_RESTARTS)
          return {
            type: 'failed',
            failure: opencodeUnavailable(new Error(`OpenCode exited more than ${MAX_RESTARTS} times during the turn.`)),
          };
        this.#report(
          note('warning', `OpenCode was restarted; the conversation continues (${restarts} of ${MAX_RESTARTS}).`),
        );
      } else if (silence?.type === 'failed') {
        return silence;
      } else if (silence !== null) {
        this.#report(note('warning', silence.text));
      } else if (outcome.type !== 'interrupted' || outcome.by !== 'quiet' || this.#release !== null) {
        return outcome;
      }
      prompt = await this.#continuation(context, message);
    }
  }

  /** OpenCode accepts a prompt before it stores it, so a restart may have lost messages of this turn. */
  async #continuation(context: WorkContext, message: Message): Promise<Prompt> {
    const { inTurn } = this.#messages;
    const stored = await this.#prompts.stored(context, inTurn);
    this.#messages.removeFromTurn(inTurn.filter((steered) => steered !== message && !stored.includes(steered)));
    return this.#prompts.next(context, message);
  }

  /** An interruption that came between turns, so that no turn may begin; null when a turn may begin. */
  get #pendingInterruption(): TurnOutcome | null {
    if (this.#isCancelled) return { type: 'interrupted', by: 'cancelled' };
    if (this.#release === null) return null;
    return { type: 'interrupted', by: this.#release.reason === 'stopped' ? 'stop' : 'pause' };
  }

  async #runTurn(context: WorkContext, prompt: Prompt): Promise<TurnOutcome> {
    const { opencode, report } = this.#dependencies;
    const { mapping, approvals, conversationId, directory } = context;
    const ceilings = this.#ceilings;
    if (ceilings.isReached(mapping.calls)) return { type: 'interrupted', by: 'limit' };
    const onStep = () => this.#checkpoints.stepEnded();
    this.#turn = new Turn({ opencode, mapping, approvals, conversationId, directory, report, onStep, ceilings });
    try {
      return await this.#turn.run(prompt);
    } finally {
      this.#turn = null;
    }
  }

  /**
   * What the task has set in a different way than others is in conflict from now on, or is decided. Of a task that was not
   * done, the log says where it is.
   */
  async #settleContext({ tools }: WorkContext, isDone: boolean): Promise<void> {
    const { merge_strategy = 'manual' } = this.#assignment;
    try {
      const told = isDone ? await tools?.disputes.merge(merge_strategy) : tools?.disputes.unmerged();
      if (told) this.#report(note('warning', told));
    } catch (error) {
      this.#report(note('warning', `The shared context cannot be merged: ${(error as Error).message}`));
    }
  }

  async #conclude(context: WorkContext, message: Message, outcome: TurnOutcome): Promise<void> {
    context.preface = null;
    context.notice = null;
    const { reached } = this.#ceilings;
    const isLimited = outcome.type === 'interrupted' && outcome.by === 'limit' && reached !== null;
    const isOutOfBudget = isLimited && isBudget(reached.name);
    if (outcome.type === 'completed' || isOutOfBudget) await this.#settleContext(context, true);
    if (outcome.type === 'completed') await this.#turnCompleted(context, message, outcome.finish);
    // For a pause or a stop, `run` takes the checkpoint before it releases the lease.
    const isPausing = outcome.type === 'interrupted' && (outcome.by === 'pause' || outcome.by === 'stop');
    if (isPausing) return;
    if (outcome.type !== 'completed' && !isOutOfBudget) await this.#settleContext(context, false);
    const problem = await this.#checkpoints.take({ isAwaited: true });
    if (this.#isCancelled || this.#release !== null) return;
    if (outcome.type === 'failed') return this.#results.fail(context, outcome.failure);
    if (problem !== null) return this.#results.fail(context, checkpointFailed(problem));
    if (isLimited) {
      if (!isOutOfBudget) return this.#results.fail(context, reached.error);
      this.#messages.endTurn();
      return this.#results.report(context, { status: 'partial', error: reached.error });
    }
    if (outcome.type === 'interrupted') return this.#results.fail(context, TAMPERING);
    await this.#results.ofTurn(context);
  }

  async #turnCompleted(context: WorkContext, message: Message, finish: string): Promise<void> {
    const data = { turn: this.#turnNumber, message: message.number, finish };
    this.#report({ type: 'turn.completed', data });
    await this.#collectAnswered(context);
    // Without a text, only a changed file shows that the message is done. Otherwise the next attempt asks again.
    const { checkpoints } = context;
    if (hasText(await this.#results.answer(context))) this.#messages.endTurn();
    else if ((await this.#checkpoints.take()) === null && checkpoints.hasChanged) this.#messages.endTurn();
  }

  /** A message that an earlier lease steered into the conversation has been answered with it and needs no turn. */
  async #collectAnswered(context: WorkContext): Promise<void> {
    this.#messages.addToTurn(await this.#prompts.stored(context, this.#messages.waiting).catch(() => []));
  }

  #reportReleased(reason: ReleaseReason, message: string): void {
    this.#report({ type: 'released', data: { reason, message: message.slice(0, 2_000) } });
  }

  #report(frame: AgentFrameBody): void {
    if (!this.#isCancelled) this.#dependencies.report(frame);
  }
}
