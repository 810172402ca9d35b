import { type Outcome, refuse } from '../../protocol/common/errors.ts';

/**
 * Refuses a request on a whole context that has another version than its author has seen.
 *
 * @param version the newest version
 * @param meant the versions that are meant; any, if it is absent
 */
export function whyOther(version: number, meant: readonly number[] | undefined): Outcome<never> | null {
  if (meant === undefined || meant.includes(version)) return null;
  const detail = `The context has version ${version}. Read it, and send the request again if it shall be done all the same.`;
  return conflict(detail, { version, can_merge: false, keys: [] });
}

/**
 * A refusal with `context_conflict`. `more` counts the places in conflict that `keys` leaves out. The same request can succeed later only if it merges with what others
 * have done.
 */
export function conflict(
  detail: string,
  current: { version: number; can_merge: boolean; keys: readonly object[]; more?: number },
): Outcome<never> {
  return refuse('context_conflict', detail, { current, retryable: current.can_merge });
}
