import type { Call } from '../../src/ports/calls.ts';
import { errorFields, type LogLevel } from '../../src/ports/logger.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { ObjectKit } from './runtime.ts';

/** What decides whether a call on an object is answered at all. */
export interface CallRules {
  /** Whose object this is: its name says so. */
  workspace: WorkspaceId;
  /** The answer to a call of another workspace, and to a call about something that is not there. */
  absent: Outcome<never>;
  /** Whether what the calls are about is there; always, where it is not given. */
  exists?(): boolean;
}

/**
 * What all calls on an object have in common: they are of its workspace, they are about something that is there, a
 * repeated idempotency key gets the first answer, and each leaves one line (`object_call`). Lines of calls that change
 * something are written at `info`, those of reads at `debug`, since pages and probes read all day.
 */
export class Calls {
  readonly #kit: ObjectKit;
  readonly #rules: CallRules;

  constructor(kit: ObjectKit, rules: CallRules) {
    this.#kit = kit;
    this.#rules = rules;
  }

  /** A call that changes nothing. */
  read<T>(method: string, call: Call, read: () => Outcome<T>): Outcome<T> {
    return this.answer('debug', method, call, () => (this.#exists() ? read() : this.#rules.absent));
  }

  /** A call that changes something that is there, in one transaction. */
  change<T>(method: string, call: Call, change: () => Outcome<T>): Outcome<T> {
    const { store, idempotency } = this.#kit;
    return this.answer('info', method, call, () => {
      if (!store.created) return this.#rules.absent;
      // A repeat gets the first answer, even when what it was about has been deleted since.
      const kept = idempotency.recall<T>(call);
      if (kept) return kept;
      return this.#exists() ? store.transact(() => idempotency.keep(call, change())) : this.#rules.absent;
    });
  }

  /** A call that may be the first on this object: it makes the tables. */
  create<T>(method: string, call: Call, create: () => Outcome<T>): Outcome<T> {
    const { store, idempotency } = this.#kit;
    return this.answer('info', method, call, () => store.create(() => idempotency.once(call, create)));
  }

  /** Checks whose call it is and writes its line; what else the call needs, `body` does itself. */
  answer<T>(level: LogLevel, method: string, call: Call, body: () => Outcome<T>): Outcome<T> {
    const fields = { request_id: call.request_id, token_id: call.principal.token_id };
    const outcome = this.#attempt(method, fields, () =>
      call.principal.workspace === this.#rules.workspace ? body() : this.#rules.absent,
    );
    this.#note(level, method, fields, outcome.ok ? 'ok' : outcome.failure.code);
    return outcome;
  }

  /**
   * A call of another object of the workspace: there is no person, no request and no key.
   * @param fields what the call is about: a task, say
   */
  internal<T>(level: LogLevel, method: string, fields: Record<string, unknown>, body: () => T): T {
    const value = this.#attempt(method, fields, body);
    this.#note(level, method, fields, 'ok');
    return value;
  }

  #exists(): boolean {
    return this.#rules.exists?.() ?? true;
  }

  /** A call that throws has a line too; the caller hears of the error, but not where it came from. */
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
