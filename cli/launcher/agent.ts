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

/** Other programs' variables that an agent, and so its model's tools, must not see, beside our own secrets. */
const withheld = /^(UPSTASH_.*|PG[A-Z]+|npm_.*|INIT_CWD)$/;

function isWithheld(name: string): boolean {
  return withheld.test(name) || (Object.hasOwn(SETTINGS, name) && settingOf(name as SettingName).secret === true);
}

/** The command that runs the agent. Its token goes by its environment: a command line is readable by every user. */
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
    // A wrong command line, a machine without what an agent needs, a refused token: it would only say so again.
    finalCodes: [exitCode.usage, exitCode.environment, exitCode.unreachable],
    // Time to give its sessions back with a checkpoint.
    graceMs: 8_000,
  };
}
