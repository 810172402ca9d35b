import { vi } from 'vitest';
import { acquireLock } from '../../../../src/application/acquire-lock.ts';
import type { LockTurns } from '../../../../src/ports/locks.ts';
import { ERROR_CODES, type Outcome } from '../../../../src/protocol/common/errors.ts';
import { matchPath, methodsOf, type OperationId } from '../../../../src/protocol/endpoints/routes.ts';
import { AcquireLockRequest, ReleaseLockRequest, RenewLockRequest } from '../../../../src/protocol/lock/lock.ts';
import { RegistryInProcess } from '../../../support/registry-in-process.ts';
import { callFrom } from '../../ports/agent-registry.fixture.ts';

const STEP_MS = 50;
/** How long a request is under way. */
const LATENCY_MS = 10;
const CALL = callFrom('default');

/**
 * The locks of a real registry behind `fetch`, without a Worker. The registry has the time of the fake timers, which
 * must be in use.
 */
export class LockServer {
  readonly registry = new RegistryInProcess();
  /** While true, no request arrives. */
  isAway = false;

  constructor() {
    this.registry.platform.clock = Date.now();
  }

  readonly fetch: typeof fetch = (input, init) => {
    const signal = init?.signal ?? new AbortController().signal;
    const gone = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const body: unknown = init?.body ? JSON.parse(String(init.body)) : {};
    return Promise.race([this.#exchange(new URL(String(input)).pathname, body), gone]);
  };

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await vi.advanceTimersByTimeAsync(STEP_MS);
      this.#keepTime();
    }
  }

  /** Lets time pass until a promise has settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    const state = { isOver: false };
    const end = () => {
      state.isOver = true;
    };
    promise.then(end, end);
    while (!state.isOver) await this.pass(STEP_MS);
    return promise;
  }

  /** The lock as everybody sees it. */
  async read(resource: string) {
    const read = await this.registry.api.readLock(CALL, resource);
    if (!read.ok) throw new Error(read.failure.detail);
    return read.value;
  }

  async #exchange(path: string, body: unknown): Promise<Response> {
    await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
    if (this.isAway) throw new TypeError('fetch failed');
    this.#keepTime();
    return answered(await this.#serve(path, body));
  }

  #serve(path: string, body: unknown): Promise<Outcome<unknown>> {
    const { api } = this.registry;
    const resourceOf = (id: OperationId) => (matchPath(id, path) as { resource: string } | null)?.resource;
    const [acquired, renewed, released] = (['acquireLock', 'renewLock', 'releaseLock'] as const).map(resourceOf);
    if (acquired !== undefined) return this.#acquire(acquired, AcquireLockRequest().parse(body));
    if (renewed !== undefined) return api.renewLock(CALL, renewed, RenewLockRequest().parse(body));
    if (released !== undefined) return api.releaseLock(CALL, released, ReleaseLockRequest().parse(body));
    throw new Error(`no lock: ${methodsOf(path)} ${path}`);
  }

  async #acquire(resource: string, request: AcquireLockRequest): Promise<Outcome<unknown>> {
    const parts = {
      agentRegistries: { of: () => this.registry.api },
      lockTurns: this.#turns,
      effects: { now: () => Date.now() },
    };
    const acquired = await acquireLock(parts, CALL, resource, request);
    if (!acquired.ok) return acquired;
    const { value } = acquired;
    return { ok: true, value: value.state === 'held' ? value.lock : value.place };
  }

  readonly #turns: LockTurns = {
    next: async (_call, wait, ms) => {
      const link = this.registry.waitForTurn(wait);
      const endsAt = Date.now() + ms;
      while (link.received.length === 0 && Date.now() < endsAt) {
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      }
      this.#keepTime();
      link.close();
      return link.received.length > 0;
    },
  };

  #keepTime(): void {
    const { platform } = this.registry;
    platform.clock = Date.now();
    if (platform.alarm !== null && platform.alarm <= platform.clock) {
      platform.fireAlarm(() => this.registry.runtime.alarm());
    }
  }
}

function answered(outcome: Outcome<unknown>): Response {
  if (outcome.ok) return outcome.value === null ? new Response(null, { status: 204 }) : Response.json(outcome.value);
  const { status, title, retryable } = ERROR_CODES[outcome.failure.code];
  return Response.json({ ...outcome.failure, status, title, retryable }, { status });
}
