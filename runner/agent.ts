import { randomUUID } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '../src/configuration/version.ts';
import type { ControlDown, ControlUp } from '../src/protocol/agent/control-socket.ts';
import { MAX_ID_CHARS } from '../src/protocol/common/bounds.ts';
import { Capability } from '../src/protocol/common/enums.ts';
import { truncated } from '../src/protocol/common/text.ts';
import { pathOf } from '../src/protocol/endpoints/routes.ts';
import type { NextLease } from '../src/protocol/run/run-socket.ts';
import { expiryWarning, judgeRejection, type Rejection, SupersededError } from './access.ts';
import type { AgentOptions, AgentParts } from './agent-parts.ts';
import { fetchArtifact } from './lease/artifacts.ts';
import { FrameBuffer } from './lease/buffer.ts';
import { processClock } from './lease/clock.ts';
import { CONTROL_FIRST_PAUSE_MS, ReconnectingSocket, type ReconnectingSocketEvents } from './lease/connection.ts';
import { Lease, type LeaseDependencies } from './lease/lease.ts';
import { recover } from './lease/recovery.ts';
import { type Abilities, RunSockets } from './lease/run-sockets.ts';
import { Lifetime } from './lifetime.ts';
import { removeLeftoverTemporaries } from './process/temporary-directory.ts';
import { within } from './process/within.ts';

const CONTROL_REFUSALS_TOLERATED_MS = 60_000;
const STOP_TURN_MS = 3_000;
const STOP_LIMIT_MS = 10_000;
/** An agent with less space takes no work, because a worktree, events and checkpoints need some. */
const MIN_FREE_BYTES = 104_857_600;
const EXPIRY_CHECK_MS = 43_200_000;

type Offer = Extract<ControlDown, { type: 'offer' }>;

/** A running agent: its control socket, and the leases it works on. */
export class Agent {
  /** Resolves when the agent has stopped: with null if a stop was requested, or else with the error that stopped it. */
  readonly stopped: Promise<Error | null>;
  readonly #options: AgentOptions;
  readonly #parts: AgentParts;
  readonly #instanceId = randomUUID();
  readonly #leases = new Map<string, Lease>();
  /** Offers that wait until this agent's older lease of the same task has ended. */
  readonly #waitingOffers = new Set<string>();
  readonly #buffers: string;
  readonly #worktrees: string;
  readonly #recovery: { close(): void };
  readonly #sockets: RunSockets;
  readonly #startedAt = performance.now();
  #control: ReconnectingSocket;
  #isStopping = false;
  #isDraining = false;
  readonly #lifetime: Lifetime;
  #isWelcome = false;
  readonly #expiryChecks: NodeJS.Timeout;
  #resolveStopped: (error: Error | null) => void = () => undefined;

  constructor(options: AgentOptions, parts: AgentParts) {
    this.#options = options;
    this.#parts = parts;
    this.#buffers = join(options.dataDirectory, 'leases');
    this.#worktrees = join(options.dataDirectory, 'worktrees');
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
    const { repository, opencode, openConnection, identity } = parts;
    this.#sockets = new RunSockets(openConnection, options.once ? null : this.#abilities);
    this.#recovery = recover({
      buffers: this.#buffers,
      worktrees: this.#worktrees,
      repository,
      opencode,
      agent: { agent_id: identity.agent_id, agent_name: options.name, instance_id: this.#instanceId },
      openConnection,
      isAtWork: (task) => [...this.#leases.values()].some(({ task_id }) => task_id === task),
      log: options.log,
    });
    this.#lifetime = new Lifetime(options, (error) => void this.stop(error));
    this.#expiryChecks = setInterval(() => this.#warnOfExpiry(), EXPIRY_CHECK_MS);
    this.#warnOfExpiry();
    const events: ReconnectingSocketEvents = {
      opened: () => this.#hello(),
      received: (message) => this.#received(message as ControlDown),
      closed: (reason, rejection) => this.#disconnected(reason, rejection),
      activity: () => undefined,
    };
    const path = pathOf('openControlSocket', { agent_id: this.id });
    this.#control = new ReconnectingSocket(openConnection, path, events, processClock, CONTROL_FIRST_PAUSE_MS);
  }

  get id(): string {
    return this.#parts.identity.agent_id;
  }

  /** The model for sessions that name none, as `provider/model`. */
  get model(): string {
    return this.#parts.model;
  }

  /** The top directory of the clone. */
  get directory(): string {
    return this.#parts.repository.directory;
  }

  /** The addresses of the repository, if the clone is shallow; null if it is not. */
  get shallowCloneOf(): readonly string[] | null {
    const { rootCommit, remotes } = this.#parts.repository;
    return rootCommit === null ? remotes : null;
  }

  /** The number of changed and new files in the clone's checkout, which sessions do not see. */
  uncommitted(): Promise<number> {
    return this.#parts.repository.uncommitted();
  }

  /** Takes no more offers, and stops when the leases have ended, or after a time (ms) with what is left of them. */
  async drain(withinMs: number): Promise<void> {
    this.#isDraining = true;
    const count = this.#leases.size;
    if (count > 0 && withinMs > 0)
      this.#options.log(`finishing ${count === 1 ? '1 task' : `${count} tasks`}, then stopping`);
    await within(withinMs, Promise.all([...this.#leases.values()].map((lease) => lease.finished)));
    await this.stop();
  }

  /** Releases every lease with a checkpoint, then stops OpenCode and every process that its tools started. */
  async stop(error: Error | null = null): Promise<void> {
    if (this.#isStopping) {
      await this.stopped;
      return;
    }
    this.#isStopping = true;
    this.#lifetime.busy();
    const leases = [...this.#leases.values()];
    for (const lease of leases) lease.shutDown(STOP_TURN_MS);
    await within(STOP_LIMIT_MS, Promise.all(leases.map((lease) => lease.finished)));
    await within(STOP_LIMIT_MS, Promise.all(leases.map((lease) => lease.abandon())));
    clearInterval(this.#expiryChecks);
    this.#control.close();
    this.#recovery.close();
    this.#parts.opencode.close();
    await this.#parts.server.stop();
    // Those of the leases that were given up.
    await removeLeftoverTemporaries(this.#worktrees, this.#options.log);
    this.#parts.unlock();
    this.#resolveStopped(error);
  }

  #warnOfExpiry(): void {
    const warning = expiryWarning(this.#options.token, Date.now());
    if (warning !== null) this.#options.log(warning, true);
  }

  get #abilities(): Abilities {
    const { capabilities, labels } = this.#options;
    return {
      capabilities: capabilities ?? [...Capability().options],
      labels: labels ?? [`os=${platform()}`, `arch=${arch()}`],
    };
  }

  #hello(): void {
    const { name, capacity, technologies, agentType } = this.#options;
    this.#send({
      type: 'hello',
      name,
      instance_id: this.#instanceId,
      secret: this.#parts.identity.secret,
      ...(agentType && { agent_type: agentType }),
      capacity,
      ...this.#abilities,
      preferred_technologies: technologies ?? [],
      repository: this.#parts.repository.rootCommit,
      remotes: [...this.#parts.repository.remotes],
      model: truncated(this.#parts.model, MAX_ID_CHARS),
      version: VERSION,
      leases: this.#granted().map(({ task_id, epoch }) => ({ task_id, epoch })),
    });
  }

  #received(message: ControlDown): void {
    switch (message.type) {
      case 'welcome':
        this.#control.accepted();
        this.#isWelcome = true;
        this.#lifetime.connected(this.#leases.size === 0);
        return this.#options.log(`connected to ${this.#options.url} as ${this.#options.name}`);
      case 'offer':
        return this.#offered(message);
      case 'cancel': {
        this.#waitingOffers.delete(key(message));
        const lease = this.#leases.get(key(message));
        // Only its session ends a granted lease, on the run socket.
        if (lease && !lease.isGranted) lease.shutDown(0);
        return;
      }
      case 'superseded':
        return this.#superseded(message);
      default:
        message satisfies never;
    }
  }

  #offered(offer: Offer): void {
    const { task_id, epoch } = offer;
    const known = this.#leases.get(key({ task_id, epoch }));
    if (known !== undefined) {
      if (known.isGranted && !known.isOver) this.#send({ type: 'accepted', task_id, epoch });
      return;
    }
    if (this.#waitingOffers.has(key({ task_id, epoch }))) return;
    const older = [...this.#leases.values()].filter((lease) => lease.task_id === task_id && lease.epoch < epoch);
    const others = [...this.#leases.values()].filter((lease) => !older.includes(lease));
    // The registry freed the slot of a lease when it ended, so a lease that is cleaning up is no reason to decline.
    const cleaning = others.filter(({ isOver }) => isOver);
    const taken = others.length - cleaning.length + this.#waitingOffers.size;
    const reason = this.#whyNoOffers(taken);
    if (reason !== null) {
      this.#send({ type: 'declined', task_id, epoch, reason });
      return;
    }
    // But its processes may still use a port, so no more sessions than the capacity are on the machine at a time.
    const first = taken + cleaning.length < this.#options.capacity ? older : [...older, ...cleaning];
    void this.#acceptAfter(first, offer);
  }

  /** @param taken the leases and offers that use capacity */
  #whyNoOffers(taken: number): string | null {
    if (this.#isStopping || this.#isDraining) return 'the agent is stopping';
    if (this.#options.once && taken > 0) return 'the agent works on one task';
    if (!this.#parts.server.isHealthy) return 'OpenCode does not answer';
    if (this.#freeBytes() < MIN_FREE_BYTES) return 'the disk is nearly full';
    return taken >= this.#options.capacity ? 'no capacity' : null;
  }

  #bufferFor(record: Parameters<typeof FrameBuffer.create>[1]): FrameBuffer | null {
    try {
      return FrameBuffer.create(this.#buffers, record);
    } catch (error) {
      this.#options.log(`declining an offer: its events cannot be stored (${(error as Error).message})`);
      return null;
    }
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#options.dataDirectory);
    return bavail * bsize;
  }

  /**
   * Accepts an offer when other leases have ended, if there are any: those of older epochs, because all epochs of a task
   * share one OpenCode conversation, and those that are over.
   */
  async #acceptAfter(first: Lease[], offer: Offer): Promise<void> {
    const name = key(offer);
    if (this.#waitingOffers.has(name)) return;
    this.#waitingOffers.add(name);
    await Promise.all(first.map((lease) => lease.supersede()));
    // The person may have committed since the last offer.
    const head = await this.#parts.repository.resolve().catch(() => null);
    // The registry may have cancelled the offer meanwhile.
    if (this.#waitingOffers.delete(name) && !this.#isStopping) this.#accept(offer, head);
  }

  /** @param head the commit that the clone has checked out */
  #accept({ task_id, epoch, proof }: Offer, head: string | null): void {
    const buffer = this.#bufferFor({ task_id, epoch, ...this.#holder, proof });
    if (buffer === null) return this.#send({ type: 'declined', task_id, epoch, reason: 'the disk is full' });
    this.#begin(new Lease(buffer, this.#dependenciesOf({ task_id, epoch }, head)));
  }

  /** Goes on with the lease to which the slot of another one has passed on. */
  #goOn(before: Lease, given: NextLease): boolean {
    const { task_id, epoch } = given.assignment;
    if (this.#leases.has(key({ task_id, epoch }))) return false;
    const buffer = this.#bufferFor({ task_id, epoch, ...this.#holder, stream_id: given.stream_id });
    // Without frames, the session takes the lease back.
    if (buffer === null) return false;
    const lease = new Lease(buffer, this.#dependenciesOf({ task_id, epoch }, null), { lease: before, given });
    this.#begin(lease);
    if (this.#isStopping || this.#isDraining) lease.shutDown(0);
    return true;
  }

  get #holder() {
    return { agent_id: this.id, agent_name: this.#options.name, instance_id: this.#instanceId };
  }

  #dependenciesOf(slot: { task_id: string; epoch: number }, head: string | null): LeaseDependencies {
    const { repository, canMerge, opencode, model, redact, server, setup } = this.#parts;
    const { url, token, ceilings, log, stepCheckpointMs } = this.#options;
    return {
      opencode,
      repository,
      clone: { repository: repository.rootCommit, head_commit: head, can_merge: canMerge },
      model,
      worktreesDirectory: this.#worktrees,
      sockets: this.#sockets,
      redact,
      setup,
      toolEnvironment: () => server.environment,
      fetchArtifact: (sessionId, artifactId) => fetchArtifact(url, token, sessionId, artifactId),
      onGranted: () => this.#send({ type: 'accepted', ...slot }),
      onPassed: (next) => this.#goOn(this.#leases.get(key(slot))!, next),
      log,
      ceilings,
      ...(stepCheckpointMs === undefined ? {} : { stepCheckpointMs }),
    };
  }

  #begin(lease: Lease): void {
    const { task_id, epoch } = lease;
    this.#leases.set(key(lease), lease);
    this.#lifetime.busy();
    void lease.finished.then(() => {
      this.#leases.delete(key(lease));
      // The session has told the registry that the slot is that of the next lease.
      if (!lease.hasPassedOn) this.#send({ type: 'ended', task_id, epoch });
      const isIdle = this.#leases.size === 0 && !this.#isStopping;
      if (lease.isGranted) this.#lifetime.finished(lease, isIdle);
      else if (isIdle) this.#lifetime.idle();
    });
  }

  /**
   * Right after a start, the registry may not have noticed yet that the predecessor's socket is dead, so the agent
   * keeps trying. Later, or when the registry has accepted this agent before, another process uses this identity. Then
   * the agent stops, because the two would take the connection from each other for ever.
   */
  #superseded(message: Extract<ControlDown, { type: 'superseded' }>): void {
    const { log, dataDirectory } = this.#options;
    if (!this.#isWelcome && !message.removed && performance.now() - this.#startedAt < CONTROL_REFUSALS_TOLERATED_MS)
      return log(`the control plane refused the connection: ${message.reason}; retrying`);
    // A new hello would take the place of the other process, or register a removed agent again.
    this.#control.close();
    this.#fail(new SupersededError(message, dataDirectory));
  }

  #disconnected(reason: string, rejection?: Rejection): void {
    const verdict = rejection ? judgeRejection(this.#options.url, rejection, this.#isWelcome) : reason;
    if (verdict instanceof Error) this.#fail(verdict);
    else this.#options.log(`cannot reach the control plane (${verdict}); retrying`);
  }

  #fail(error: Error): void {
    this.#options.log('stopping');
    void this.stop(error);
  }

  #granted(): Lease[] {
    return [...this.#leases.values()].filter((lease) => lease.isGranted && !lease.isOver);
  }

  #send(message: ControlUp): void {
    this.#control.send(message);
  }
}

function key({ task_id, epoch }: { task_id: string; epoch: number }): string {
  return `${task_id}/${epoch}`;
}
