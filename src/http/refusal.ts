import { type ErrorCode, type Failure, type Outcome, ok } from '../protocol/common/errors.ts';

/**
 * An expected error on its way out of a handler or middleware; `onError` turns it into problem details. Below this
 * layer expected errors are values.
 */
export class Refusal extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.detail);
    this.name = 'Refusal';
    this.failure = failure;
  }
}

/** A refusal with a code of the one table and a sentence that tells how to mend the request. */
export function refusal(code: ErrorCode, detail: string, more: Omit<Failure, 'code' | 'detail'> = {}): Refusal {
  return new Refusal({ code, detail, ...more });
}

/** The value of an outcome. @throws Refusal with its failure */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Refusal(outcome.failure);
}

/** The outcome of a list, as the API answers lists. */
export function asItems<T>(outcome: Outcome<T[]>): Outcome<{ items: T[] }> {
  return outcome.ok ? ok({ items: outcome.value }) : outcome;
}
