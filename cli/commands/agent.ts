import { arch, hostname, platform } from 'node:os';
import { AccessRefusedError, SupersededError, UnreachableError } from '../../runner/access.ts';
import type { AgentOptions } from '../../runner/agent-parts.ts';
import { RepositoryError } from '../../runner/git/commits.ts';
import { DataDirectoryInUseError } from '../../runner/identity.ts';
import type { ConfigurationSource } from '../../runner/opencode/configuration.ts';
import { MissingDependencyError } from '../../runner/process/missing-dependency.ts';
import { NoModelError, startAgent } from '../../runner/start.ts';
import { readCeilings } from '../../runner/work/ceiling-watch.ts';
import { counted } from '../../src/domain/counted.ts';
import { AgentName } from '../../src/protocol/agent/agent.ts';
import { AgentType, Capability } from '../../src/protocol/common/enums.ts';
import {
  MAX_LABEL_CHARS,
  MAX_LABELS,
  MAX_TECHNOLOGIES,
  MAX_TECHNOLOGY_CHARS,
} from '../../src/protocol/common/limits.ts';
import { Technology } from '../../src/protocol/session/requirements.ts';
import { capacityOption, parseCapacity } from '../capacity.ts';
import {
  CliError,
  defineCommand,
  type ExitCode,
  exitCode,
  oio,
  parseUrl,
  parseWord,
  withSubcommands,
} from '../command.ts';
import { DataDirectory, makeAgentDirectory } from '../data-directory.ts';
import { parseDuration } from '../duration.ts';
import { givenPath, PACKAGE } from '../given-path.ts';
import { shutdownRequested } from '../launcher/shutdown.ts';
import { readOptionFile } from '../option-file.ts';
import { describeSettings, setting } from '../settings.ts';
import { printable, say } from '../terminal.ts';
import { envOption, readSetup, readTools, setupOptions } from '../tools.ts';
import { fleetCommands } from './fleet.ts';
import { kept } from './kept.ts';

const tokenCommand = `${oio} token --role agent --name <name>`;

const runAgent = defineCommand({
  summary: 'Run an agent: OpenCode on a git repository, for a local or remote control plane',
  usage: [
    'agent --url <url> --dir <path> [--capacity <n>] [--name <name>] [--type <type>] [--capability <name>]… [--technology <name>]… [--label <name=value>]… [--env <name>]… [--setup <command>] [--once] [--idle-exit <duration>] [--drain-timeout <duration>]',
    'agent list | show <name> | drain <name> | resume <name> | remove <name>',
    'agent kept list | fetch <name> | drop <name>',
  ],
  details: `The token is read from --token-file, OIO_AGENT_TOKEN or OIO_TOKEN. To create one, run this where the control plane runs:
  ${tokenCommand}
The agent uses the model and keys of your OpenCode configuration. Environment:
${describeSettings('agent')}`,
  options: {
    url: { type: 'string', placeholder: 'url', description: 'The control plane (OIO_URL)' },
    dir: { type: 'string', placeholder: 'path', default: '.', description: 'The git repository to work in (.)' },
    capacity: capacityOption,
    name: { type: 'string', placeholder: 'name', description: "The agent's name, such as AGENT-BUILD-01" },
    data: {
      type: 'string',
      placeholder: 'path',
      description: "Directory for the agent's identity and worktrees (<name> in the data directory)",
    },
    type: { type: 'string', placeholder: 'type', description: 'What the agent is for, such as reviewer (implementer)' },
    capability: {
      type: 'string',
      multiple: true,
      placeholder: 'name',
      description: 'What the agent can do, such as code_review (everything)',
    },
    technology: {
      type: 'string',
      multiple: true,
      placeholder: 'name',
      description: 'What the agent is best at, such as react; it is preferred for such work',
    },
    label: {
      type: 'string',
      multiple: true,
      placeholder: 'name=value',
      description: 'A label of the agent, for sessions that require it (os and arch are always set)',
    },
    once: {
      type: 'boolean',
      default: false,
      description: 'Work on one task and stop; exits with 1 if it is not completed',
    },
    'idle-exit': {
      type: 'string',
      placeholder: 'duration',
      description: 'Stop after so long without work, such as 5m',
    },
    'drain-timeout': {
      type: 'string',
      placeholder: 'duration',
      description: 'At SIGTERM, finish tasks for so long before leaving the rest to others (0s)',
    },
    env: envOption,
    ...setupOptions,
    'token-file': { type: 'string', placeholder: 'path', description: 'File with the token' },
    'opencode-config': {
      type: 'string',
      placeholder: 'path',
      description: 'OpenCode configuration to use instead of your own',
    },
  },
  async run({ values }) {
    const url = values.url ?? setting('OIO_URL', process.env);
    if (!url) {
      throw new CliError('Set --url to the control plane, such as --url http://127.0.0.1:8787.', exitCode.usage);
    }
    const capacity = values.once ? 1 : parseCapacity(values.capacity);
    const name = parseName(values.name ?? `AGENT-${hostname()}`);
    const options: AgentOptions = {
      url: parseUrl('--url', url),
      token: readToken(values['token-file'], process.env),
      directory: givenPath(values.dir),
      capacity,
      name,
      source: readSource(values['opencode-config'], process.env),
      dataDirectory: prepareDirectory(values.data, name, process.env),
      tools: readTools(values.env ?? [], process.env),
      setup: readSetup(values),
      ceilings: readCeilings((name) => setting(name, process.env)),
      labels: readLabels(values.label ?? []),
      technologies: readTechnologies(values.technology ?? []),
      once: values.once,
      ...(values['idle-exit'] !== undefined && { idleExitMs: milliseconds('--idle-exit', values['idle-exit']) }),
      ...(values.type !== undefined && { agentType: parseWord('--type', values.type, AgentType().options) }),
      ...(values.capability && {
        capabilities: values.capability.map((each) => parseWord('--capability', each, Capability().options)),
      }),
      log: (line, isNotice) => report(line, 'info', isNotice),
    };
    const drainMs =
      values['drain-timeout'] === undefined ? 0 : milliseconds('--drain-timeout', values['drain-timeout']);
    return run(options, drainMs);
  },
});

/** `oio agent` runs an agent. Its subcommands manage agents, and the work that agents have kept on this machine. */
export const agent = withSubcommands('agent', runAgent, { ...fleetCommands, kept });

function readLabels(given: readonly string[]): string[] {
  const labels = [`os=${platform()}`, `arch=${arch()}`, ...given];
  const long = labels.find((label) => label.length > MAX_LABEL_CHARS);
  if (long !== undefined) {
    throw new CliError(`--label has at most ${MAX_LABEL_CHARS} characters, not "${long}".`, exitCode.usage);
  }
  if (labels.length <= MAX_LABELS) return labels;
  throw new CliError(`Give at most ${MAX_LABELS - 2} labels; os and arch are set.`, exitCode.usage);
}

function readTechnologies(given: readonly string[]): string[] {
  const invalid = given.find((name) => !Technology().safeParse(name).success);
  if (invalid !== undefined) {
    const limit = `has 1 to ${MAX_TECHNOLOGY_CHARS} characters, such as react`;
    throw new CliError(`--technology ${limit}, not "${invalid}".`, exitCode.usage);
  }
  const names = [...new Set(given.map((name) => name.trim()))];
  if (names.length <= MAX_TECHNOLOGIES) return names;
  throw new CliError(`Give at most ${MAX_TECHNOLOGIES} technologies.`, exitCode.usage);
}

/** By default, each name has its own directory, because an identity belongs to one agent. `oio up` uses `agent`. */
function prepareDirectory(given: string | undefined, name: string, env: NodeJS.ProcessEnv): string {
  const data = DataDirectory.fromEnvironment(env);
  const path = given === undefined ? data.file(name.toLowerCase()) : givenPath(given);
  if (given === undefined) makeAgentDirectory(data.path);
  makeAgentDirectory(path);
  return path;
}

function milliseconds(option: string, text: string): number {
  return parseDuration(option, text) * 1_000;
}

async function run(options: AgentOptions, drainMs: number): Promise<number> {
  const requested = shutdownRequested(() => process.exit(128 + 2));
  if (options.directory === PACKAGE) report("--dir is the orchestrator's own repository; name yours", 'info', true);
  const running = await startAgent(options).catch((error: unknown) => explainStartError(error, options));
  const { directory, shallowCloneOf, model } = running;
  const place =
    shallowCloneOf === null ? directory : `${directory}, a shallow clone of ${shallowCloneOf.join(' and ')}`;
  const amount = options.once ? 'one task' : `up to ${options.capacity} at once`;
  report(`working in ${place}, model ${model}, ${amount}`, 'info', true);
  const uncommitted = await running.uncommitted().catch(() => 0);
  if (uncommitted > 0) {
    report(`sessions start from HEAD, without ${counted(uncommitted, 'uncommitted file')}`, 'info', true);
  }
  void requested.then(() => running.drain(drainMs));
  const error = await running.stopped;
  report('stopped');
  if (error !== null) throw new CliError(error.message, exitCodeOf(error) ?? exitCode.failed);
  return exitCode.ok;
}

/** Errors with an exit code of their own. Codes other than `failed` tell a supervisor not to restart the agent. */
const finalErrors: readonly [abstract new (...parts: never[]) => Error, ExitCode][] = [
  [RepositoryError, exitCode.environment],
  [MissingDependencyError, exitCode.environment],
  [NoModelError, exitCode.environment],
  [AccessRefusedError, exitCode.unreachable],
  [UnreachableError, exitCode.unreachable],
  [SupersededError, exitCode.environment],
  [DataDirectoryInUseError, exitCode.failed],
];

function exitCodeOf(error: Error): ExitCode | undefined {
  return finalErrors.find(([type]) => error instanceof type)?.[1];
}

/** The runner's message, with advice for the command line. */
function startErrorText(error: Error, { dataDirectory }: AgentOptions): string {
  if (error instanceof DataDirectoryInUseError) {
    return `Another agent uses ${dataDirectory}. Stop it, or set --data to another directory.`;
  }
  return error.message;
}

function explainStartError(error: unknown, options: AgentOptions): never {
  if (!(error instanceof Error)) throw error;
  const message = startErrorText(error, options);
  report(message, 'error', true);
  const code = exitCodeOf(error);
  // A plain `Error` has a message from OpenCode or the system. Any other type is a bug, and its stack trace is needed.
  if (code === undefined && error.name !== 'Error') throw error;
  throw new CliError(message, code ?? exitCode.failed);
}

/** Prints a line for the user, or a JSON line for the launcher. Of these, the launcher shows only notices. */
function report(message: string, level: 'info' | 'error' = 'info', notice = false): void {
  if (setting('OIO_LOG_FORMAT', process.env) === 'json') {
    const line = { time: new Date().toISOString(), level, process: 'agent', message, notice };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } else if (level === 'info') {
    say('agent', printable(message));
  }
}

function readToken(file: string | undefined, env: NodeJS.ProcessEnv): string {
  const given = () => setting('OIO_AGENT_TOKEN', env) ?? setting('OIO_TOKEN', env);
  const token = file === undefined ? given() : readOptionFile('--token-file', file).trim();
  // Child processes must not inherit the token.
  delete env.OIO_AGENT_TOKEN;
  delete env.OIO_TOKEN;
  if (token) return token;
  throw new CliError(
    `No token. Set OIO_AGENT_TOKEN or --token-file. Create a token with "${tokenCommand}".`,
    exitCode.usage,
  );
}

function readSource(file: string | undefined, environment: NodeJS.ProcessEnv): ConfigurationSource {
  if (file === undefined) return { kind: 'own', environment };
  try {
    return { kind: 'given', config: JSON.parse(readOptionFile('--opencode-config', file)) as Record<string, unknown> };
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`--opencode-config: the file ${file} must be valid JSON.`, exitCode.usage);
  }
}

/** Replaces the characters of a host name that are not allowed in an agent's name. */
function parseName(text: string): string {
  const name = text
    .toUpperCase()
    .replace(/[^A-Z0-9-]+/g, '-')
    .slice(0, 60);
  if (AgentName().safeParse(name).success) return name;
  throw new CliError(`--name must look like AGENT-BUILD-01, not "${text}".`, exitCode.usage);
}
