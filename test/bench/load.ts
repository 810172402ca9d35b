import type { Samples } from './statistics.ts';

/**
 * A closed loop: each worker starts its next operation when its last one has ended, until `count` are done. So nothing
 * queues in the generator, and a slow response slows the load.
 */
export async function closedLoop(
  workers: number,
  count: number,
  operation: (worker: number, index: number) => Promise<unknown>,
): Promise<Samples> {
  const latenciesMs: number[] = [];
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      while (next < count) {
        const index = next++;
        const at = performance.now();
        await operation(worker, index);
        latenciesMs.push(performance.now() - at);
      }
    }),
  );
  return { latenciesMs, elapsedMs: performance.now() - startedAt };
}

/** Collects single latencies of operations that ran one after the other. */
export function inSequence(latenciesMs: number[]): Samples {
  return { latenciesMs, elapsedMs: latenciesMs.reduce((sum, ms) => sum + ms, 0) };
}

/** Runs an operation. @returns its duration in ms */
export async function timed<T>(operation: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const at = performance.now();
  const value = await operation();
  return { value, ms: performance.now() - at };
}
