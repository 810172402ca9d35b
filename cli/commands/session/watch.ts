import type { Client } from '../../../src/client/client.ts';
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
  const renderer = new SessionRenderer(id);
  if (!json) process.once('SIGINT', () => leave(id));
  let isQueued = false;
  const explain = queueReasons(client, id);
  const explaining = json ? undefined : setInterval(() => isQueued && explain(), EXPLAIN_MS);
  const status = await followSession(client, id, {
    onEvent: (event) => {
      printLines(json ? [JSON.stringify(event)] : renderer.render(event));
      if (event.type === 'session.status') isQueued = event.data.to === 'queued';
    },
  }).finally(() => clearInterval(explaining));
  return status === 'completed' ? exitCode.ok : exitCode.failed;
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
