import type { ResultStatus } from '../../src/protocol/common/enums.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { NextLease } from '../../src/protocol/run/run-socket.ts';
import type { Worktree } from '../git/worktree.ts';
import type { Redact } from '../redaction.ts';
import { DeliveryWork } from '../work/delivery-work.ts';
import type { LeaseWork } from '../work/lease-work.ts';
import { Work, type WorkDependencies } from '../work/work.ts';
import type { FrameBuffer } from './buffer.ts';
import { processClock } from './clock.ts';
import type { LeaseEnd, LeaseEvents } from './lease-events.ts';
import { type CloneFacts, LeaseStream } from './lease-stream.ts';
import { dropDeleted } from './recovery.ts';
import type { RunSockets } from './run-sockets.ts';

export interface LeaseDependencies extends Omit<WorkDependencies, 'agentName' | 'report' | 'saved' | 'fetchArtifact'> {
  sockets: RunSockets;
  clone: CloneFacts;
  fetchArtifact: (sessionId: string, artifactId: string) => Promise<Uint8Array>;
  /** Masks the secrets in what the work reports. */
  redact: Redact;
  /** The session has granted the lease. */
  onGranted: () => void;
  /** The slot has passed on from this lease to the next one. @returns whether this agent goes on with that */
  onPassed: (next: NextLease) => boolean;
}

/** What the work has reported of itself. */
export interface Outcome {
  /** `refused`: this agent cannot do it, so that it has not begun. */
  status: ResultStatus | 'refused';
  /** Why it is not completed, without secrets; null if it is. */
  why: string | null;
}

/** One lease, from the claim of the offer to its end: the stream to the session, and the work. */
export class Lease {
  readonly task_id: string;
  readonly epoch: number;
  /** Resolves when the lease has ended and its resources on this machine are released. */
  readonly finished: Promise<void>;
  readonly #agentName: string;
  readonly #dependencies: LeaseDependencies;
  readonly #stream: LeaseStream;
  #work: LeaseWork | null = null;
  #running: Promise<void> = Promise.resolve();
  #isGranted = false;
  #isOver = false;
  #outcome: Outcome | null = null;
  #hasPassedOn = false;
  /** The work of the next lease, with which this agent goes on; null if it does not. */
  #next: Assignment | null = null;
  /** The worktree for the next lease, until that takes it. */
  #left: Worktree | null = null;
  /** The lease from which the slot has passed on to this one. */
  #before: Lease | null;
  #finish: () => void = () => undefined;

  /** @param before the lease from which the slot has passed on to this one, and what the session has given with it */
  constructor(buffer: FrameBuffer, dependencies: LeaseDependencies, before?: { lease: Lease; given: NextLease }) {
    this.task_id = buffer.lease.task_id;
    this.epoch = buffer.lease.epoch;
    this.#agentName = buffer.lease.agent_name;
    this.#dependencies = dependencies;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#before = before?.lease ?? null;
    const events: LeaseEvents = {
      granted: (assignment) => this.#granted(assignment),
      command: async (command) => this.#work?.command(command),
      quiet: () => this.#work?.quiet(),
      alive: () => this.#work?.alive(),
      full: (error) => this.#full(error),
      passed: (next) => {
        this.#hasPassedOn = true;
        this.#next = this.#dependencies.onPassed(next) ? next.assignment : null;
      },
      over: (how, reason) => void this.#over(how, reason),
    };
    const { clone, sockets } = dependencies;
    this.#stream = new LeaseStream(buffer, clone, sockets, events, processClock, before !== undefined);
    if (before) this.#stream.begin(before.given);
  }

  get isGranted(): boolean {
    return this.#isGranted;
  }

  /** Whether the slot has passed on to another lease of this agent. */
  get hasPassedOn(): boolean {
    return this.#hasPassedOn;
  }

  /** The lease has ended; its worktree and conversation may still exist. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The worktree that this lease has left for the next one, once. */
  takeLeft(): Worktree | null {
    const left = this.#left;
    this.#left = null;
    return left;
  }

  /** The last one that the work has reported; null before one, and if the lease ends without. */
  get outcome(): Outcome | null {
    return this.#outcome;
  }

  /** Takes a checkpoint and releases the lease, so that another agent can continue. */
  shutDown(withinMs: number): void {
    if (this.#isOver) return;
    if (this.#work === null) void this.#over('gone', 'the agent is stopping');
    else this.#work.end('shutdown', 'the agent is stopping', withinMs);
  }

  /** Ends this lease because a newer epoch of its task was offered. The session's own message may have been lost. */
  async supersede(): Promise<void> {
    if (!this.#isOver) void this.#over('lost', 'a newer epoch was offered');
    await this.finished;
  }

  /** Stops at once and keeps the buffer. The next start of this agent delivers the remaining frames. */
  async abandon(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.close();
    this.#work?.cancel();
    await this.#running;
    this.#finish();
  }

  #full(error: Error): void {
    this.#dependencies.log(
      `giving back ${this.task_id}, epoch ${this.epoch}: its events cannot be stored (${error.message})`,
    );
    this.#work?.keep();
  }

  #granted(assignment: Assignment): void {
    this.#isGranted = true;
    this.#dependencies.log(`working on session ${assignment.session_id}`);
    const { fetchArtifact, redact, ...dependencies } = this.#dependencies;
    const given: WorkDependencies = {
      ...dependencies,
      agentName: this.#agentName,
      fetchArtifact: (artifactId) => fetchArtifact(assignment.session_id, artifactId),
      report: (frame) => {
        const shown = redact(frame);
        this.#outcome = outcomeOf(shown) ?? this.#outcome;
        this.#stream.append(shown);
      },
      saved: () => this.#stream.saved(),
      takeOver: () => this.#before?.takeLeft() ?? null,
    };
    const work = assignment.kind === 'deliver' ? new DeliveryWork(assignment, given) : new Work(assignment, given);
    this.#work = work;
    this.#dependencies.onGranted();
    // The processes of the lease before may still use a port, and its worktree may be of use.
    this.#running = (this.#before?.finished ?? Promise.resolve()).then(() => work.run());
  }

  async #clear(isDeleted: boolean): Promise<void> {
    const { repository, opencode, worktreesDirectory, log } = this.#dependencies;
    this.#left = (await this.#work?.dispose({ isDeleted, next: this.#next })) ?? null;
    const unused = this.#before?.takeLeft();
    this.#before = null;
    if (unused) await repository.removeWorktree(unused.path);
    if (isDeleted) await dropDeleted(repository, opencode, worktreesDirectory, this.task_id, log);
  }

  async #over(how: LeaseEnd, reason: string): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.discard();
    const { log } = this.#dependencies;
    const why = this.#outcome?.why ? `: ${this.#outcome.why}` : '';
    log(`lease of ${this.task_id}, epoch ${this.epoch}: ${how} (${reason})${why}`);
    this.#work?.cancel();
    await this.#running;
    await this.#clear(how === 'deleted').catch((error: Error) =>
      log(`the worktree cannot be removed: ${error.message}`),
    );
    this.#finish();
  }
}

/** What a frame says of the end of the work; null if it says nothing. */
function outcomeOf(frame: AgentFrameBody): Outcome | null {
  if (frame.type === 'result') return { status: frame.data.status, why: frame.data.error?.message ?? null };
  if (frame.type !== 'released' || frame.data.reason !== 'refused') return null;
  return { status: 'refused', why: frame.data.message };
}
