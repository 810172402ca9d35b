/**
 * This is the only file under `durable-objects/` with a timer. A timer keeps its object awake and dies with it.
 * Therefore timers only limit calls that are in progress, and are cleared when the call ends, or they end in the next
 * turn. `AbortSignal.timeout` is not used, because its timer outlives the call and keeps the object from hibernating.
 */

class DeadlineExceeded extends Error {
  constructor(what: string, ms: number) {
    super(`${what} did not answer within ${ms} ms`);
    this.name = 'DeadlineExceeded';
  }
}

/**
 * Runs a call to another system with a time limit.
 * @param what the name of the other system, for the error
 * @throws DeadlineExceeded after `ms`. It also aborts the signal, and ignores a later result
 */
export async function withDeadline<T>(what: string, ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let clear = () => {};
  const expiry = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => {
      const error = new DeadlineExceeded(what, ms);
      controller.abort(error);
      reject(error);
    }, ms);
    clear = () => clearTimeout(timer);
  });
  try {
    return await Promise.race([call(controller.signal), expiry]);
  } finally {
    clear();
  }
}

/** Waits until `work` has settled, for at most `ms`. Never rejects. */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<void> {
  await withDeadline('work', ms, async () => {
    await work;
  }).catch(() => {});
}

/** Lets other events of the object run first. Code after it must not rely on what it has read before. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
