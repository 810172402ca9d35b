import type { SessionAction } from '../../../src/protocol/common/enums.ts';
import { type Command, defineCommand, exitCode } from '../../command.ts';
import { connect, connectionDetails, jsonOption, printSession, sessionIdOf } from './common.ts';

type PlainAction = Exclude<SessionAction, 'complete' | 'fail'>;

const SUMMARIES: Readonly<Record<PlainAction, string>> = {
  start: 'Start a session that was created with --no-start',
  pause: 'Pause a session after its current step; a long step is aborted',
  resume: 'Continue a paused session',
  cancel: 'End a session at once',
  stop: 'Stop a session after its current step, like pause; retry starts it again',
  retry: 'Run a session again from its last checkpoint',
};

/** `oio session <action> <id>`. */
export function actionCommand(action: PlainAction): Command {
  return defineCommand({
    summary: SUMMARIES[action],
    usage: [`session ${action} <id>`],
    details: connectionDetails,
    arguments: { id: 'required' },
    options: jsonOption,
    async run({ values, args }) {
      const client = connect();
      printSession(await client.sessions.act(await sessionIdOf(client, args.id), action), values.json);
      return exitCode.ok;
    },
  });
}
