import type { SessionStatus } from '../../src/protocol/common/enums.ts';
import { defineCommand, exitCode, oio } from '../command.ts';
import { printable } from '../terminal.ts';
import { connect, connectionDetails, hint, jsonOption, printLines, printSession } from './session/common.ts';
import { deliverOptions, deliveryLine } from './session/deliver-options.ts';
import { newSession, newSessionOptions } from './session/new-session.ts';
import { readText, textOptions } from './session/text.ts';
import { followToEnd } from './session/watch.ts';

/** The exit code of `oio run` by how the session has ended. */
export const RUN_EXIT_CODES: Partial<Record<SessionStatus, number>> = {
  completed: exitCode.ok,
  failed: exitCode.failed,
  partially_completed: 10,
  timeout: 11,
  stopped: 12,
  cancelled: 13,
};

const CODES = Object.entries(RUN_EXIT_CODES).map(([status, code]) => `${code} ${status.replaceAll('_', ' ')}`);

export const run = defineCommand({
  summary: 'Do a prompt: create a session, start it, show it and exit by its outcome',
  usage: [
    'run "<prompt>" [--check "<command>"] [--plan template|agent] [--deliver] [--branch <branch>] [--push]',
    'run --file <path> [--title <title>] [--json]',
  ],
  details: `${connectionDetails}
Exit codes: ${CODES.join(', ')}; 130 after Ctrl-C, which leaves the session running and says how to come back to it.
With --json, the first line is the session, each further line an event, and the last line the session as it has ended.
--branch, --push and --message deliver too.`,
  arguments: { prompt: 'optional' },
  options: {
    ...textOptions,
    ...newSessionOptions,
    deliver: {
      type: 'boolean',
      default: false,
      description: 'Put the work on a new branch as one commit, when the session has completed',
    },
    ...deliverOptions,
    ...jsonOption,
  },
  async run({ values, args }) {
    const { json } = values;
    const body = newSession(await readText('prompt', args.prompt, values.file), values);
    const client = connect();
    const { id } = await client.sessions.create(body);
    const started = await client.sessions.act(id, 'start');
    if (json) printLines([JSON.stringify(started)]);
    else printSession(started, false);
    const leave = () => {
      if (!json) hint(`session watch ${id}   (the session goes on; "${oio} session cancel ${id}" ends it)`);
      process.exit(128 + 2);
    };
    const status = await followToEnd(client, id, json, leave);
    const ended = await client.sessions.get(id);
    if (json) printLines([JSON.stringify(ended)]);
    else {
      if (ended.delivery) printLines([printable(deliveryLine(ended.delivery))]);
      hint(`session diff ${id}`);
    }
    return RUN_EXIT_CODES[status ?? ended.status] ?? exitCode.failed;
  },
});
