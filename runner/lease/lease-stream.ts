import { BATCH_BYTES } from '../../src/protocol/common/limits.ts';
import type { Command } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { NextLease, RunDown, RunUp } from '../../src/protocol/run/run-socket.ts';
import type { FrameBuffer } from './buffer.ts';
import { CheckpointAnswers } from './checkpoint-answers.ts';
import { type Clock, processClock } from './clock.ts';
import { fitFrame } from './fit-frame.ts';
import type { LeaseEnd, LeaseEvents } from './lease-events.ts';
import type { RunChannel, RunChannelEvents, RunSockets } from './run-sockets.ts';

/** The number of batches that may be in flight without an acknowledgement. */
const WINDOW = 4;
/** The agent stops acting this long before the lease may expire: long enough to abort a turn. */
const EXPIRY_MARGIN_MS = 15_000;
const SILENCE_CHECK_MS = 1_000;
/** An offer counts as withdrawn after this many lifetimes of silence. */
const MAX_OFFER_SILENCE_TTLS = 5;
/**
 * A granted lease is kept until the session says that it is over, because the control plane itself may be down. After a
 * week of silence, it is given up.
 */
const MAX_SILENCE_MS = 7 * 86_400_000;

/** What the session learns of the agent's clone when the agent claims a lease. */
export type CloneFacts = Pick<Extract<RunUp, { type: 'present' }>, 'repository' | 'head_commit' | 'can_merge'>;

/**
 * The agent's end of a run socket. Each frame is stored on disk, then sent in order, and deleted when the session has
 * acknowledged it. After a reconnect, sending resumes after the last frame that the session has.
 */
export class LeaseStream {
  readonly #buffer: FrameBuffer;
  readonly #clone: CloneFacts;
  readonly #events: LeaseEvents;
  readonly #socket: RunChannel;
  readonly #clock: Clock;
  readonly #stopSilenceChecks: () => void;
  readonly #commands = new Map<number, 'running' | 'done'>();
  #sent = 0;
  /** The session has stored the frames up to this one. */
  #acked = 0;
  readonly #checkpoints = new CheckpointAnswers();
  #inFlight: number[] = [];
  /** The session has accepted this agent's claim on this connection. */
  #isAccepted = false;
  #isGranted = false;
  #isQuiet = false;
  /** Frames cannot be stored any more. */
  #isFull = false;
  #isGivenBack = false;
  #isOver = false;
  #ttlMs = 60_000;
  #heardAt: number;

  /** @param isHeld whether the session has granted the lease already; `begin` follows */
  constructor(
    buffer: FrameBuffer,
    clone: CloneFacts,
    sockets: RunSockets,
    events: LeaseEvents,
    clock: Clock = processClock,
    isHeld = false,
  ) {
    this.#buffer = buffer;
    this.#clone = clone;
    this.#events = events;
    this.#clock = clock;
    this.#heardAt = clock.now();
    const channelEvents: RunChannelEvents = {
      opened: () => this.#claim(),
      received: (message) => this.#received(message),
      closed: () => {
        this.#isAccepted = false;
      },
      activity: () => {
        this.#heardAt = this.#clock.now();
        // The connection did not break, so this process was suspended: ask the session whether the lease still stands.
        if (this.#isQuiet && this.#isAccepted) this.#claimAgain();
      },
    };
    this.#socket = sockets.open(buffer.lease, channelEvents, isHeld);
    this.#stopSilenceChecks = clock.every(SILENCE_CHECK_MS, () => this.#checkSilence());
  }

  /** Begins with a lease that came with the end of another one. */
  begin({ assignment, ttl_ms, messages }: NextLease): void {
    this.#accepted({ type: 'lease', assignment, ttl_ms, acked: 0, saved: 0 });
    for (const data of messages) void this.#events.command({ type: 'message', data });
  }

  /** Stores a frame and sends it as soon as possible. A frame that is too large is shortened first. */
  append(body: AgentFrameBody): void {
    if (this.#isOver || this.#isFull) return;
    this.#store(() => {
      for (const frame of fitFrame(body)) this.#buffer.append(frame);
    });
    this.#pump();
  }

  /**
   * Resolves with whether the session has stored the checkpoint that was just appended; null when the lease is over or
   * the disk is full, and the session did not say.
   */
  saved(): Promise<boolean | null> {
    // A checkpoint that could not be appended gets no answer.
    return this.#isOver || this.#isFull ? Promise.resolve(null) : this.#checkpoints.of(this.#buffer.head);
  }

  /** Writes to the buffer. A full disk must not end this process, which has other leases. */
  #store(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (this.#isFull) return;
      this.#isFull = true;
      this.#events.full(error as Error);
    }
  }

  /** Stops sending and keeps the buffer, so that a later process can deliver its frames. */
  close(): void {
    if (this.#isOver) return;
    this.#stop();
    this.#buffer.close();
  }

  /** Stops sending and deletes the buffer. */
  discard(): void {
    if (this.#isOver) return;
    this.#stop();
    this.#buffer.drop();
  }

  #claim(): void {
    const { agent_id, agent_name, instance_id, stream_id, proof } = this.#buffer.lease;
    const head = this.#buffer.head;
    this.#send({ type: 'present', agent_id, agent_name, instance_id, stream_id, head, ...this.#clone, proof });
  }

  #claimAgain(): void {
    this.#isAccepted = false;
    this.#claim();
  }

  #received(message: RunDown): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'lease':
        return this.#accepted(message);
      case 'saved':
        return this.#checkpoints.heard(message.n);
      case 'ack':
        return this.#acknowledged(message.n);
      case 'expected':
        this.#acknowledged(message.n - 1);
        return this.#sendFrom(message.n - 1);
      case 'command':
        return this.#command(message.id, message.command);
      case 'ended':
        // First, so that a killed process leaves a buffer of one or the other.
        if (message.next) this.#events.passed(message.next);
        return this.#answerAll(message.saved).#end('ended', message.reason);
      case 'lease_lost':
        if (message.saved !== undefined) this.#answerAll(message.saved);
        return this.#end('lost', message.reason);
      case 'gone':
        return this.#end(message.deleted ? 'deleted' : 'gone', message.reason);
      default:
        message satisfies never;
    }
  }

  #accepted({ assignment, acked, saved, ttl_ms }: Extract<RunDown, { type: 'lease' }>): void {
    this.#ttlMs = ttl_ms;
    this.#socket.setLifetime(ttl_ms);
    this.#isAccepted = true;
    this.#checkpoints.heard(saved);
    this.#acknowledgeUpTo(acked);
    if (acked >= this.#buffer.head) this.#socket.accepted();
    this.#sendFrom(acked);
    if (!this.#isGranted) {
      this.#isGranted = true;
      this.#store(() => this.#buffer.markGranted());
      // Work whose frames cannot be stored must not begin.
      if (this.#isFull) return this.#pump();
      this.#events.granted(assignment);
    }
    if (this.#isQuiet) {
      this.#isQuiet = false;
      this.#events.alive();
    }
  }

  #acknowledged(n: number): void {
    this.#acknowledgeUpTo(n);
    this.#inFlight = this.#inFlight.filter((last) => last > n);
    this.#pump();
  }

  /**
   * Only progress shortens the pause before the next connection. A session that accepts each connection and then closes
   * it over the same frame is asked less and less often.
   */
  #acknowledgeUpTo(n: number): void {
    this.#store(() => this.#buffer.acknowledge(n));
    if (n > this.#acked) this.#socket.accepted();
    this.#acked = Math.max(this.#acked, n);
    this.#checkpoints.acknowledged(this.#acked);
  }

  #sendFrom(n: number): void {
    this.#sent = n;
    this.#inFlight = [];
    this.#isGivenBack = false;
    this.#pump();
  }

  #pump(): void {
    while (this.#isAccepted && this.#sent < this.#buffer.head && this.#inFlight.length < WINDOW) {
      const frames = this.#buffer.read(this.#sent, BATCH_BYTES);
      const last = frames.at(-1)?.n;
      if (last === undefined) return;
      this.#send({ type: 'frames', frames });
      this.#sent = last;
      this.#inFlight.push(last);
    }
    if (this.#isFull && this.#isAccepted && this.#sent === this.#buffer.head) this.#giveBack();
  }

  /** Releases the lease with a frame that is sent on every connection, since it cannot be stored. */
  #giveBack(): void {
    if (this.#isGivenBack) return;
    this.#isGivenBack = true;
    const data = { reason: 'lost', message: "The agent's disk is full." } as const;
    this.#send({ type: 'frames', frames: [{ n: this.#buffer.head + 1, type: 'released', data }] });
  }

  #command(id: number, command: Command): void {
    const state = this.#commands.get(id);
    if (state === 'running') return;
    if (state === 'done') {
      this.#send({ type: 'command_ack', id });
      return;
    }
    this.#commands.set(id, 'running');
    this.#events.command(command).then(
      () => {
        this.#commands.set(id, 'done');
        if (!this.#isOver) this.#send({ type: 'command_ack', id });
      },
      // The command was not acknowledged, so the session sends it again on the next connection.
      () => this.#commands.delete(id),
    );
  }

  #checkSilence(): void {
    const silence = this.#clock.now() - this.#heardAt;
    const limit = this.#buffer.lease.granted ? MAX_SILENCE_MS : this.#ttlMs * MAX_OFFER_SILENCE_TTLS;
    if (silence > limit) {
      this.#end('lost', 'the session was silent for too long');
    } else if (this.#isGranted && !this.#isQuiet && silence > quietAfterMs(this.#ttlMs)) {
      this.#isQuiet = true;
      this.#events.quiet();
    }
  }

  #answerAll(saved: number | undefined): this {
    this.#checkpoints.heard(saved);
    this.#checkpoints.acknowledged(this.#buffer.head);
    return this;
  }

  #end(how: LeaseEnd, reason: string): void {
    if (this.#isOver) return;
    this.#stop();
    this.#buffer.drop();
    this.#events.over(how, reason, this.#checkpoints.saved);
  }

  #stop(): void {
    this.#isOver = true;
    this.#checkpoints.end();
    this.#stopSilenceChecks();
    this.#socket.close();
  }

  #send(message: RunUp): void {
    this.#socket.send(message);
  }
}

/** How long the session may be silent before the holder of a lease with this lifetime stops acting. */
export function quietAfterMs(ttlMs: number): number {
  return Math.max(ttlMs - EXPIRY_MARGIN_MS, ttlMs * 0.6);
}
