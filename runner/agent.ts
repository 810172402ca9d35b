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
import { expiryWarning, judgeRejection, type Rejection, SupersededError } from './access.ts';
import { AgentLeases, keyOf, type Offer } from './agent-leases.ts';
import type { AgentOptions, AgentParts } from './agent-parts.ts';
import { processClock } from './lease/clock.ts';
import { CONTROL_FIRST_PAUSE_MS, ReconnectingSocket, type ReconnectingSocketEvents } from './lease/connection.ts';
import type { Lease } from './lease/lease.ts';
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

/** A running agent: its control socket, and the leases it works on. */
export class Agent {
  /** Resolves when the agent has stopped: with null if a stop was requested, or else with the error that stopped it. */
  readonly stopped: Promise<Error | null>;
  readonly #options: AgentOptions;
  readonly #parts: AgentParts;
  readonly #instanceId = randomUUID();
  readonly #leases: AgentLeases;
  /** Offers that wait until this agent's older lease of the same task has ended. */
  readonly #waitingOffers = new Set<string>();
  readonly #worktrees: string;
  readonly #recovery: { close(): void };
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
    const buffers = join(options.dataDirectory, 'leases');
    this.#worktrees = join(options.dataDirectory, 'worktrees');
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
    const { repository, opencode, openConnection } = parts;
    const holder = { agent_id: this.id, agent_name: options.name, instance_id: this.#instanceId };
    this.#leases = new AgentLeases(options, parts, {
      holder,
      buffers,
      worktrees: this.#worktrees,
      sockets: new RunSockets(openConnection, options.once ? null : this.#abilities),
      isEnding: () => this.#isStopping || this.#isDraining,
      granted: ({ task_id, epoch }) => this.#send({ type: 'accepted', task_id, epoch }),
      begun: () => this.#lifetime.busy(),
      ended: (lease) => this.#ended(lease),
    });
    this.#recovery = recover({
      buffers,
      worktrees: this.#worktrees,
      repository,
      opencode,
      agent: holder,
      openConnection,
      isAtWork: (task) => this.#leases.all.some(({ task_id }) => task_id === task),
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
    await within(withinMs, Promise.all(this.#leases.all.map((lease) => lease.finished)));
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
    const leases = this.#leases.all;
    for (const lease of leases) lease.shutDown(STOP_TURN_MS);
    await within(STOP_LIMIT_MS, Promise.all(leases.map((lease) => lease.finished)));
    await within(STOP_LIMIT_MS, Promise.all(leases.map((lease) => lease.abandon())));
    clearInterval(this.#expiryChecks);
    this.#control.close();
    this.#recovery.close();
    this.#parts.opencode.close();
    await this.#parts.server.stop();
    await this.#parts.tools.close();
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
      leases: this.#leases.granted.map(({ task_id, epoch }) => ({ task_id, epoch })),
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
        this.#waitingOffers.delete(keyOf(message));
        const lease = this.#leases.get(message);
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
    const known = this.#leases.get(offer);
    if (known !== undefined) {
      if (known.isGranted && !known.isOver) this.#send({ type: 'accepted', task_id, epoch });
      return;
    }
    if (this.#waitingOffers.has(keyOf(offer))) return;
    const older = this.#leases.all.filter((lease) => lease.task_id === task_id && lease.epoch < epoch);
    const others = this.#leases.all.filter((lease) => !older.includes(lease));
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

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#options.dataDirectory);
    return bavail * bsize;
  }

  /**
   * Accepts an offer when other leases have ended, if there are any: those of older epochs, because all epochs of a task
   * share one OpenCode conversation, and those that are over.
   */
  async #acceptAfter(first: Lease[], offer: Offer): Promise<void> {
    const name = keyOf(offer);
    if (this.#waitingOffers.has(name)) return;
    this.#waitingOffers.add(name);
    await Promise.all(first.map((lease) => lease.supersede()));
    // The person may have committed since the last offer.
    const head = await this.#parts.repository.resolve().catch(() => null);
    // The registry may have cancelled the offer meanwhile.
    if (this.#waitingOffers.delete(name) && !this.#isStopping) this.#accept(offer, head);
  }

  /** @param head the commit that the clone has checked out */
  #accept(offer: Offer, head: string | null): void {
    const { task_id, epoch } = offer;
    if (!this.#leases.accept(offer, head)) this.#send({ type: 'declined', task_id, epoch, reason: 'the disk is full' });
  }

  #ended(lease: Lease): void {
    const { task_id, epoch, hasPassedOn } = lease;
    // The session has told the registry that the slot is that of the next lease.
    if (!hasPassedOn) this.#send({ type: 'ended', task_id, epoch });
    const isIdle = this.#leases.size === 0 && !this.#isStopping;
    if (lease.isGranted) this.#lifetime.finished(lease, isIdle);
    else if (isIdle) this.#lifetime.idle();
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

  #send(message: ControlUp): void {
    this.#control.send(message);
  }
}
