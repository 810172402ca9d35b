import type { Call } from '../../../src/ports/calls.ts';
import { errorFields, type LogLevel } from '../../../src/ports/logger.ts';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../../src/protocol/common/ids.ts';
import type { ObjectKit } from '../runtime.ts';

/** The conditions under which an object answers calls. */
export interface CallRules {
  /** The object's workspace, which is part of the object's name. */
  workspace: WorkspaceId;
  /** The outcome of a call from another workspace, or of a call while `exists` returns false. */
  absent: Outcome<never>;
  /** Whether the subject of the calls, such as the session, exists. Omit it if the subject always exists. */
  exists?(): boolean;
}

/**
 * The common part of all calls on an object. It checks the workspace and that the subject exists, returns the first
 * outcome for a repeated idempotency key, and writes one log line (`object_call`). Changes are logged at `info`. Reads
 * are logged at `debug`, because pages and probes read constantly.
 */
export class Calls {
  readonly #kit: ObjectKit;
  readonly #rules: CallRules;

  constructor(kit: ObjectKit, rules: CallRules) {
    this.#kit = kit;
    this.#rules = rules;
  }

  /** Handles a call that changes nothing. */
  read<T>(method: string, call: Call, read: () => Outcome<T>): Outcome<T> {
    return this.answer('debug', method, call, () => (this.#exists() ? read() : this.#rules.absent));
  }

  /** Handles a call that changes an existing subject, in one transaction. */
  change<T>(method: string, call: Call, change: () => Outcome<T>): Outcome<T> {
    const { store, idempotency } = this.#kit;
    return this.answer('info', method, call, () => {
      if (!store.created) return this.#rules.absent;
      // A repeated call gets the first outcome, even if its subject has been deleted since.
      const kept = idempotency.recall<T>(call);
      if (kept) return kept;
      return this.#exists() ? store.transact(() => idempotency.keep(call, change())) : this.#rules.absent;
    });
  }

  /** Handles a call that may be the first one on this object. Creates the tables if they are missing. */
  create<T>(method: string, call: Call, create: () => Outcome<T>): Outcome<T> {
    const { store, idempotency } = this.#kit;
    return this.answer('info', method, call, () => store.create(() => idempotency.once(call, create)));
  }

  /** Handles a call without a transaction: checks only the workspace, and writes the log line. */
  answer<T>(level: LogLevel, method: string, call: Call, body: () => Outcome<T>): Outcome<T> {
    const fields = { request_id: call.request_id, token_id: call.principal.token_id };
    const outcome = this.#attempt(method, fields, () =>
      call.principal.workspace === this.#rules.workspace ? body() : this.#rules.absent,
    );
    this.#note(level, method, fields, outcome.ok ? 'ok' : outcome.failure.code);
    return outcome;
  }

  /**
   * Handles a call from another object of the workspace. It has no principal, request id or idempotency key.
   * @param fields fields of the log line that name the subject, such as a task
   * @param outcomeOf the `outcome` in the log line; `ok` by default
   */
  internal<T>(
    level: LogLevel,
    method: string,
    fields: Record<string, unknown>,
    body: () => T,
    outcomeOf: (value: T) => string = () => 'ok',
  ): T {
    const value = this.#attempt(method, fields, body);
    this.#note(level, method, fields, outcomeOf(value));
    return value;
  }

  #exists(): boolean {
    return this.#rules.exists?.() ?? true;
  }

  /** Logs a call that throws, with its stack trace, because the caller does not get one. */
  #attempt<T>(method: string, fields: Record<string, unknown>, body: () => T): T {
    try {
      return body();
    } catch (error) {
      this.#note('error', method, fields, 'error', errorFields(error));
      throw error;
    }
  }

  #note(level: LogLevel, method: string, fields: object, outcome: string, more: object = {}): void {
    this.#kit.store.platform.logger(level, 'object_call', { method, outcome, ...fields, ...more });
  }
}
