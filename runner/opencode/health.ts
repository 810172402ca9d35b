import { setTimeout as delay } from 'node:timers/promises';

export interface HealthLimits {
  /** The pause between two probes, in ms. */
  pauseMs: number;
  /** The time limit of one probe, in ms. */
  limitMs: number;
  /** After this many unanswered probes in a row, the server is hung. */
  misses: number;
}

/** A hung server is found within 30 s. One slow answer on a busy machine is not a hang. */
export const HEALTH_LIMITS: HealthLimits = { pauseMs: 2_000, limitMs: 8_000, misses: 3 };

/**
 * Probes a running server, because a process can live on with an open port and answer nothing. Ends when the server is
 * hung or `signal` is aborted.
 *
 * @param probe rejects when the server does not answer
 * @param onMisses called after each probe with the number of unanswered ones in a row
 * @returns whether the server is hung
 */
export async function untilHung(
  probe: (signal: AbortSignal) => Promise<unknown>,
  onMisses: (misses: number) => void,
  signal: AbortSignal,
  limits: HealthLimits = HEALTH_LIMITS,
): Promise<boolean> {
  let misses = 0;
  while (misses < limits.misses) {
    await delay(limits.pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return false;
    misses = await probe(AbortSignal.any([signal, AbortSignal.timeout(limits.limitMs)])).then(
      () => 0,
      () => misses + 1,
    );
    if (signal.aborted) return false;
    onMisses(misses);
  }
  return true;
}
