/**
 * The one place under `durable-objects/` with a timer. A timer keeps its object awake and dies with it, so it is only
 * ever the bound of a call that is under way, and is cleared with it. (`AbortSignal.timeout` is not used: its timer
 * outlives the call and keeps the object from hibernating.)
 */
class DeadlineExceeded extends Error {
  constructor(what: string, ms: number) {
    super(`${what} did not answer within ${ms} ms`);
    this.name = 'DeadlineExceeded';
  }
}

/**
 * Runs a call that leaves the object, bounded in time.
 * @param what names the other side in the error
 * @throws DeadlineExceeded after `ms`; the signal is aborted then, and what the call does later is ignored
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

/** Waits for `work`, but no longer than `ms`; never throws. */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<void> {
  await withDeadline('work', ms, async () => {
    await work;
  }).catch(() => {});
}
