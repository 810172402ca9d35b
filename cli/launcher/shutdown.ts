import { isRunning } from '../../runner/process/processes.ts';

/** Signals within this time count as one, because npm forwards a Ctrl-C that the terminal has delivered already. */
const sameSignalMs = 500;

const parentCheckMs = 1_000;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A later signal calls `onImpatience`, for a user who does not want to
 * wait for the graceful shutdown.
 *
 * Under npm, it also resolves when the parent process has ended, because npm ends at a SIGTERM without forwarding it.
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
    if (process.env.npm_lifecycle_event !== undefined) onParentEnded(resolve);
  });
}

function onParentEnded(ended: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    // On Windows, `ppid` does not change when the parent has ended.
    if (process.ppid === parent && isRunning(parent)) return;
    clearInterval(timer);
    ended();
  }, parentCheckMs);
  timer.unref();
}
