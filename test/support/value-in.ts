import type { Outcome } from '../../src/protocol/common/errors.ts';

/** The value of an outcome that must be successful. */
export function valueIn<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.detail}`);
  return outcome.value;
}
