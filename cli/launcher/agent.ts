import { SETTINGS, type SettingName, settingOf } from '../../src/configuration/settings.ts';
import { exitCode } from '../command.ts';
import type { Connection } from '../connection.ts';
import type { DataDirectory } from '../data-directory.ts';
import { projectFile } from './project.ts';
import type { SupervisedCommand } from './supervisor.ts';

/** The agent that the launcher starts with the control plane. */
export interface LocalAgent {
  /** The absolute path of the git repository in which the agent works. */
  directory: string;
  capacity: number;
  labels: readonly string[];
  /** Further arguments of `oio agent`. */
  args?: readonly string[];
}

/** Whether a variable is withheld from the agent's process. Its tools get far fewer; see `toolEnvironment`. */
function isWithheld(name: string): boolean {
  return Object.hasOwn(SETTINGS, name) && settingOf(name as SettingName).secret === true;
}

/** The command that runs the agent. The token is in its environment, because every user can read a command line. */
export function agentCommand(
  agent: LocalAgent,
  data: DataDirectory,
  connection: Connection,
  env: NodeJS.ProcessEnv,
): SupervisedCommand {
  const inherited = Object.entries(env).flatMap(([name, value]) =>
    value === undefined || isWithheld(name) ? [] : [[name, value]],
  );
  return {
    name: 'agent',
    command: process.execPath,
    args: [
      projectFile('cli/main.ts'),
      'agent',
      ...['--url', connection.url],
      ...['--dir', agent.directory],
      ...['--capacity', String(agent.capacity)],
      ...['--data', data.file('agent')],
      ...['--name', 'AGENT-LOCAL'],
      ...agent.labels.flatMap((label) => ['--label', label]),
      ...(agent.args ?? []),
    ],
    cwd: agent.directory,
    env: { ...Object.fromEntries(inherited), OIO_AGENT_TOKEN: connection.token, OIO_LOG_FORMAT: 'json' },
    // A restart does not help after a usage error, a missing dependency or a rejected token.
    finalCodes: [exitCode.usage, exitCode.environment, exitCode.unreachable],
    // The agent needs this time to take checkpoints and to release its sessions.
    graceMs: 8_000,
  };
}
