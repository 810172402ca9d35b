import type { ErrorCode, Failure, Outcome } from '../protocol/common/errors.ts';

/**
 * An expected error that a handler or middleware throws. `onError` converts it to problem details. Below the HTTP
 * layer, expected errors are values.
 */
export class Refusal extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.detail);
    this.name = 'Refusal';
    this.failure = failure;
  }
}

/** Creates a refusal. @param detail one sentence that says how to fix the request */
export function refusal(code: ErrorCode, detail: string, more: Omit<Failure, 'code' | 'detail'> = {}): Refusal {
  return new Refusal({ code, detail, ...more });
}

/** The value of an outcome. @throws Refusal with its failure */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Refusal(outcome.failure);
}
