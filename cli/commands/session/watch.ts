import type { Client } from '../../../src/client/client.ts';
import { defineCommand, type ExitCode, exitCode } from '../../command.ts';
import { SessionRenderer } from '../../render.ts';
import { followSession } from '../../watch.ts';
import { connect, connectionDetails, hint, jsonOption, printLines, sessionIdOf } from './common.ts';

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
  const status = await followSession(client, id, {
    onEvent: (event) => printLines(json ? [JSON.stringify(event)] : renderer.render(event)),
  });
  return status === 'completed' ? exitCode.ok : exitCode.failed;
}

/** Ends this command after Ctrl-C, and says that the session continues. */
function leave(id: string): void {
  hint(`session watch ${id}   (the session continues)`);
  process.exit(128 + 2);
}
