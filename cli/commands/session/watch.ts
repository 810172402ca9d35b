import type { Client } from '../../../src/client/client.ts';
import type { SessionStatus } from '../../../src/protocol/common/enums.ts';
import { defineCommand, type ExitCode, exitCode } from '../../command.ts';
import { SessionRenderer } from '../../render.ts';
import { printable } from '../../terminal.ts';
import { followSession } from '../../watch.ts';
import { connect, connectionDetails, hint, jsonOption, printLines, sessionIdOf } from './common.ts';

/** How often a session in the queue is asked for the reason, which no event says. */
const EXPLAIN_MS = 3_000;

export const watch = defineCommand({
  summary: 'Show the events of a session until it ends',
  usage: ['session watch <id>'],
  details: `${connectionDetails}
Exits with 0 only if the session completes. With --json, prints one event per line.`,
  arguments: { id: 'required' },
  options: jsonOption,
  async run({ values, args }) {
    const client = connect();
    return watchSession(client, await sessionIdOf(client, args.id), values.json);
  },
});

/** Prints the events of a session until it ends. @returns `ok` only if the session completed */
export async function watchSession(client: Client, id: string, json: boolean): Promise<ExitCode> {
  // For a program, Ctrl-C ends the command as it ends any other.
  const status = await followToEnd(client, id, json, json ? undefined : () => leave(id));
  return status === 'completed' ? exitCode.ok : exitCode.failed;
}

/**
 * Prints the events of a session until it ends.
 * @param onInterrupt what Ctrl-C does instead of ending the process
 * @returns its last status
 */
export async function followToEnd(
  client: Client,
  id: string,
  json: boolean,
  onInterrupt?: () => void,
): Promise<SessionStatus | undefined> {
  const renderer = new SessionRenderer(id);
  if (onInterrupt) process.once('SIGINT', onInterrupt);
  let isQueued = false;
  const explain = queueReasons(client, id);
  const explaining = json ? undefined : setInterval(() => isQueued && explain(), EXPLAIN_MS);
  return followSession(client, id, {
    onEvent: (event) => {
      printLines(json ? [JSON.stringify(event)] : renderer.render(event));
      if (event.type === 'session.status') isQueued = event.data.to === 'queued';
    },
  }).finally(() => clearInterval(explaining));
}

/** @returns a function that prints why the session waits for an agent, if the reason has changed since its last call */
function queueReasons(client: Client, id: string): () => void {
  let known: string | undefined;
  return () => {
    client.sessions.get(id).then(
      ({ queue }) => {
        const message = queue?.message;
        if (message !== undefined && message !== known) printLines([`· ${printable(message)}`]);
        known = message;
      },
      // The watch itself says when the control plane is away.
      () => undefined,
    );
  };
}

/** Ends this command after Ctrl-C, and says that the session continues. */
function leave(id: string): void {
  hint(`session watch ${id}   (the session continues)`);
  process.exit(128 + 2);
}
