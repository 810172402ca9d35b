import type { Outcome } from '../../../src/protocol/common/errors.ts';
import type { ObjectStore } from './store.ts';

/** Carries a refusal out of a transaction. */
class Refused extends Error {
  readonly outcome: Outcome<never>;

  constructor(outcome: Outcome<never>) {
    super('refused');
    this.outcome = outcome;
  }
}

/** Like `ObjectStore.transact`, but a refusal keeps nothing of what was written before it. */
export function transactOutcome<T>(store: ObjectStore, body: () => Outcome<T>): Outcome<T> {
  try {
    return store.transact(() => {
      const outcome = body();
      if (!outcome.ok) throw new Refused(outcome);
      return outcome;
    });
  } catch (error) {
    if (error instanceof Refused) return error.outcome;
    throw error;
  }
}

/** Carries the outcome of a transaction out that is not to be kept. */
class Undone<T> extends Error {
  readonly outcome: Outcome<T>;

  constructor(outcome: Outcome<T>) {
    super('undone');
    this.outcome = outcome;
  }
}

/** The outcome that a transaction would have. Nothing of what it writes is kept. */
export function withoutEffect<T>(store: ObjectStore, body: () => Outcome<T>): Outcome<T> {
  try {
    return store.transact(() => {
      throw new Undone(body());
    });
  } catch (error) {
    if (error instanceof Undone) return error.outcome as Outcome<T>;
    throw error;
  }
}
