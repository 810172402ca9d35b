/** Signals this close together are one: npm passes on the Ctrl-C that the terminal has already delivered. */
const sameSignalMs = 500;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP; from then on a further one calls `onImpatience`, for a person who
 * does not want to wait for an orderly end.
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
