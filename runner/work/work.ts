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
import { checkpointFailed, TAMPERING, workStays } from './failures.ts';
import { Interruptions } from './interruptions.ts';
import type { LeaseClose, LeaseWork, ReleaseReason } from './lease-work.ts';
import { type Message, MessageQueue } from './message-queue.ts';
import { MessageTurns } from './message-turns.ts';
import { prepareWork } from './preparation.ts';
import { Prompts } from './prompts.ts';
import { mergeText } from './resolving.ts';
import { Results } from './results.ts';
import type { TurnOutcome } from './turn.ts';
import {
  closeWorkContext,
  endTools,
  openWorkContext,
  type WorkContext,
  type WorkContextDependencies,
} from './work-context.ts';

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
  readonly #interruptions = new Interruptions();
  readonly #prompts: Prompts;
  readonly #results: Results;
  readonly #messages: MessageQueue;
  readonly #checks: Checks;
  readonly #ceilings: CeilingWatch;
  readonly #checkpoints: CheckpointSchedule;
  readonly #turns: MessageTurns;
  #context: WorkContext | null = null;

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
      position: () => ({ turn: this.#turns.number, messages_done: this.#messages.done }),
      isInTurn: () => this.#turns.isRunning,
      ending: this.#interruptions.ending,
      report,
      everyMs: dependencies.stepCheckpointMs,
    });
    this.#turns = new MessageTurns({
      ...{ opencode, messages, report, prompts: this.#prompts },
      ...{ ceilings: this.#ceilings, interruptions: this.#interruptions },
      onStep: () => this.#checkpoints.stepEnded(),
    });
  }

  /**
   * Runs until the lease is released or {@link cancel} is called. Failures become frames; the promise never rejects.
   */
  async run(): Promise<void> {
    try {
      this.#context = await openWorkContext(this.#assignment, this.#dependencies, this.#interruptions.ended);
    } catch (error) {
      // Nobody has worked yet, so the session has all there is.
      const { release } = this.#interruptions;
      if (release !== null) return this.#reportReleased(release);
      return this.#results.couldNotStart(error as Error);
    }
    if (this.#interruptions.isCancelled) return;
    await this.#checkpoints.opened();
    if (this.#needsNoModel(this.#context)) await this.#reportMerge(this.#context);
    // The previous agent was lost between its last checkpoint and its result, so no prompt is left to run.
    else if (this.#assignment.messages_last <= this.#messages.done) await this.#resultOfEarlier(this.#context);
    while (!this.#interruptions.isCancelled) {
      const { release } = this.#interruptions;
      if (release !== null) {
        await endTools(this.#context);
        const problem = await this.#checkpoints.takeLast();
        if (problem !== null) this.#report(workStays(this.#dependencies.agentName, this.#context.worktree.path));
        return this.#reportReleased(release);
      }
      // The session ends the lease after a failure, and the next lease runs the waiting messages.
      const message = this.#results.hasFailed ? undefined : this.#messages.next();
      const { pending } = this.#results;
      if (message !== undefined) await this.#workOn(this.#context, message);
      else if (pending !== null && !this.#interruptions.isQuiet) await this.#results.checked(this.#context, pending);
      else await this.#interruptions.wait();
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
    const by = this.#interruptions.toRelease(reason, message);
    this.#turns.interruptAfterStep(by);
    setTimeout(() => this.#turns.interrupt(by), withinMs).unref();
    this.#checks.interrupt();
  }

  /** The session has been silent for so long that another agent may hold the lease: aborts the turn. */
  quiet(): void {
    this.#interruptions.quiet();
    this.#turns.interrupt('quiet');
    this.#checks.interrupt();
  }

  /** After {@link quiet}: this agent still holds the lease. */
  alive(): void {
    this.#interruptions.alive();
  }

  /** Nothing more can be reported: aborts the turn. The worktree stays, because no checkpoint has its newest work. */
  keep(): void {
    this.#context?.checkpoints.close();
    this.cancel();
  }

  /** The lease is lost or has ended: aborts the turn and reports nothing more. */
  cancel(): void {
    this.#interruptions.cancel();
    this.#turns.interrupt('cancelled');
    this.#checks.interrupt();
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
    if (this.#interruptions.isCancelled || this.#interruptions.release !== null) return;
    if (problem !== null) return this.#results.fail(context, checkpointFailed(problem));
    // The checks need what the set-up makes.
    if (this.#checks.exist) await this.#prepare(context);
    if (this.#interruptions.pending !== null) return;
    const text = mergeText(this.#assignment.kind, context.startsFrom, this.#checks.exist);
    await this.#results.ofMerge(context, text);
  }

  async #message(message: Message): Promise<void> {
    const isSteering = message.delivery === 'steer' && this.#interruptions.release === null;
    if (isSteering && this.#context !== null && (await this.#turns.steer(this.#context, message))) return;
    this.#messages.push(message);
    // The message comes first, and the checks run after it.
    this.#checks.interrupt();
    this.#interruptions.signal();
  }

  async #resultOfEarlier(context: WorkContext): Promise<void> {
    // The checks need what the set-up makes.
    if (this.#checks.exist) await this.#prepare(context);
    if (this.#interruptions.pending === null) await this.#results.ofEarlier(context);
  }

  #prepare(context: WorkContext): Promise<void> {
    const report = (frame: AgentFrameBody) => this.#report(frame);
    const isPlanning = this.#assignment.kind === 'plan';
    return prepareWork(context, { ...this.#dependencies, isPlanning, report, ending: this.#interruptions.ending });
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
    if (this.#checks.areDueAtStart && this.#interruptions.pending === null) await this.#checkStart(context);
    // The message is not done, so the session sends it to the next lease.
    if (this.#interruptions.pending !== null) return;
    this.#results.turnBegins();
    this.#messages.beginTurn(message);
    const outcome = await this.#turns.run(context, message, this.#assignment.agent_config.agent ?? null);
    if (!this.#interruptions.isCancelled) await this.#conclude(context, message, outcome);
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
    if (this.#interruptions.isCancelled || this.#interruptions.release !== null) return;
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
    const data = { turn: this.#turns.number, message: message.number, finish };
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

  #reportReleased({ reason, message }: { reason: ReleaseReason; message: string }): void {
    this.#report({ type: 'released', data: { reason, message: message.slice(0, 2_000) } });
  }

  #report(frame: AgentFrameBody): void {
    if (!this.#interruptions.isCancelled) this.#dependencies.report(frame);
  }
}
