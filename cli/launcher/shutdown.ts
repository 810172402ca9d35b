/** Signals this close together count as one: npm forwards the Ctrl-C that the terminal has delivered already. */
const sameSignalMs = 500;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A later signal calls `onImpatience`, for a user who does not want to
 * wait for the graceful shutdown.
 */
export function shutdownRequested(onImpatience: () => void): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const onSignal = () => {
      firstAt ??= performance.now();
      resolve();
      if (performance.now() - firstAt > sameSignalMs) onImpatience();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}
