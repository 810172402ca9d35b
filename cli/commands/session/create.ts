import { defineCommand, exitCode } from '../../command.ts';
import { connect, connectionDetails, hint, jsonOption, printLines, printSession } from './common.ts';
import { newSession, newSessionOptions } from './new-session.ts';
import { readText, textOptions } from './text.ts';
import { watchSession } from './watch.ts';

export const create = defineCommand({
  summary: 'Create a session and start it',
  usage: [
    'session create "<prompt>" [--watch] [--title <title>] [--model <provider/model>] [--repository <url>]',
    'session create --file <path>',
  ],
  details: `${connectionDetails}
With --watch, exits with 0 only if the session completes. With --watch --json, the first line is the session and each further line is an event.`,
  arguments: { prompt: 'optional' },
  options: {
    ...textOptions,
    ...newSessionOptions,
    'no-start': { type: 'boolean', default: false, description: 'Create the session without starting it' },
    watch: { type: 'boolean', default: false, description: 'Watch the session until it ends' },
    ...jsonOption,
  },
  async run({ values, args }) {
    const { json } = values;
    const body = newSession(await readText('prompt', args.prompt, values.file), values);
    const client = connect();
    const created = await client.sessions.create(body);
    const started = values['no-start'] ? created : await client.sessions.act(created.id, 'start');
    if (values.watch) {
      // The id is printed first, so that other commands can use it while the session runs.
      if (json) printLines([JSON.stringify(started)]);
      else printSession(started, false);
      const code = await watchSession(client, created.id, json);
      if (!json) hint(`session diff ${created.id}`);
      return code;
    }
    printSession(started, json);
    if (!json) hint(`session ${values['no-start'] ? 'start' : 'watch'} ${created.id}`);
    return exitCode.ok;
  },
});
