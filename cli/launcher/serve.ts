import { exitCode, oio } from '../command.ts';
import { explainApiError } from '../connection.ts';
import { checkSettings, setting } from '../settings.ts';
import { say } from '../terminal.ts';
import { shutdownRequested } from './shutdown.ts';
import { Stack, type StackOptions } from './stack.ts';

export interface ServeOptions extends Omit<StackOptions, 'port' | 'signal'> {
  /** Called when the control plane is ready. If it resolves with an exit code, the control plane stops with it. */
  onReady?: (stack: Stack, signal: AbortSignal) => Promise<number | undefined>;
}

/**
 * Runs a control plane until a signal arrives or `onReady` returns an exit code, then stops it gracefully. A second
 * signal ends everything at once.
 */
export async function serve({ onReady, ...options }: ServeOptions): Promise<number> {
  // Checked before any process starts. Otherwise, the Worker would reject every request.
  checkSettings(options.env, 'launcher', 'worker', 'object', 'agent');
  const port = setting('PORT', options.env);
  const stopping = new AbortController();
  let stack: Stack | undefined;
  const requested = shutdownRequested(() => {
    stack?.kill();
    process.exit(128 + 2);
  }).then(() => stopping.abort());

  try {
    stack = await Stack.start({ ...options, port, signal: stopping.signal });
    const code = stopping.signal.aborted ? undefined : await onReady?.(stack, stopping.signal);
    if (code !== undefined) return code;
    if (!stopping.signal.aborted) await printDashboardAddress(stack);
    if (!stopping.signal.aborted) say('', 'Press Ctrl-C to stop.', 'dim');
    await requested;
    return exitCode.ok;
  } catch (error) {
    // Ctrl-C also ends a running build, which then rejects. That is not a failure.
    if (stopping.signal.aborted) return exitCode.ok;
    throw error;
  } finally {
    if (stopping.signal.aborted) say('stopping', '');
    await stack?.stop();
  }
}

async function printDashboardAddress(stack: Stack): Promise<void> {
  try {
    say('open', await stack.dashboardAddress());
  } catch (error) {
    const reason = explainApiError(error)?.message;
    if (reason === undefined) throw error;
    say('open', `${stack.url} (no sign-in code was created: ${reason} "${oio} token" creates one)`, 'yellow');
  }
}
