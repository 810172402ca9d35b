import { type Client, createClient } from '../../src/client/client.ts';
import { givenText } from '../../src/configuration/read.ts';
import { namesOf } from '../../src/configuration/settings.ts';
import { CliError, exitCode } from '../command.ts';
import { signInLink } from '../connection.ts';
import type { DataDirectory } from '../data-directory.ts';
import { paint, printable, say } from '../terminal.ts';
import { agentCommand, type LocalAgent } from './agent.ts';
import { localAgentToken } from './agent-token.ts';
import { buildIfStale } from './build.ts';
import { LogFile, type LogLine } from './log-file.ts';
import { checkPort } from './ports.ts';
import { planPostgres } from './postgres.ts';
import { ProcessLedger } from './process-ledger.ts';
import { planRedis } from './redis.ts';
import { loadSecrets } from './secrets.ts';
import { type SupervisedCommand, Supervisor } from './supervisor.ts';
import { prepareWorkerd, waitUntilHealthy } from './workerd.ts';

export interface StackOptions {
  data: DataDirectory;
  env: NodeJS.ProcessEnv;
  /** The loopback port; 0 chooses a free one. */
  port: number;
  /** Called when the data directory is locked. If absent, no agent is started. */
  prepareAgent?: (() => Promise<LocalAgent>) | undefined;
  /** Aborts the start. */
  signal: AbortSignal;
}

const readyLimitMs = 60_000;
/** The agent stops first, so that it can release its leases while the control plane still runs. */
const stopOrder = [['agent'], ['worker', 'postgres', 'redis']] as const;

/** The control plane of one data directory with all its processes. */
export class Stack {
  readonly url: string;
  readonly token: string;
  /** A client with the admin token. */
  readonly client: Client;
  /** Resolves with the name of the first process that ended and will not be restarted. */
  readonly gaveUp: Promise<string>;
  #giveUp: (name: string) => void = () => undefined;
  readonly #options: StackOptions;
  readonly #ledger: ProcessLedger;
  readonly #supervisors = new Map<string, Supervisor>();

  private constructor(options: StackOptions, ledger: ProcessLedger, url: string, token: string) {
    this.#options = options;
    this.#ledger = ledger;
    this.url = url;
    this.token = token;
    this.client = createClient({ baseUrl: url, token });
    this.gaveUp = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
  }

  /**
   * Locks the data directory, ends processes that an earlier start left, and starts everything. Resolves when the
   * control plane answers requests. Postgres and the agent become ready after that.
   *
   * @throws CliError if something on this machine prevents the start. No process is left running then
   */
  static async start(options: StackOptions): Promise<Stack> {
    const { data, env, signal } = options;
    data.acquire();
    let stack: Stack | undefined;
    try {
      const ledger = new ProcessLedger(data);
      await ledger.end();
      const { adminToken, signingKeys } = loadSecrets(data, env);
      const port = await checkPort(options.port);
      await buildIfStale(() => say('building', 'the Worker and the dashboard', 'dim'));
      const [postgres, redis] = [await planPostgres(data, env), await planRedis(env)];
      stack = new Stack(options, ledger, `http://127.0.0.1:${port}`, adminToken);
      const secrets = { OIO_TOKEN: adminToken, OIO_SIGNING_KEYS: signingKeys };
      const variables = { ...workerVariables(env), ...postgres.variables, ...redis?.variables, ...secrets };
      stack.#supervise(prepareWorkerd({ data, port, variables }));
      await stack.#becomeReady();
      if (!signal.aborted) stack.#supervise(postgres.command);
      if (!signal.aborted && redis) stack.#supervise(redis.command);
      if (!signal.aborted) await stack.#startAgent();
      return stack;
    } catch (error) {
      await (stack ? stack.stop() : data.release());
      throw error;
    }
  }

  /** A link to the dashboard that signs in the first person who opens it. */
  async dashboardAddress(): Promise<string> {
    const { code } = await this.client.codes.create();
    return signInLink(`${this.url}/`, code);
  }

  /** Stops every process and releases the data directory. */
  async stop(): Promise<void> {
    for (const names of stopOrder) {
      await Promise.all(names.map((name) => this.#supervisors.get(name)?.stop()));
    }
    this.#options.data.release();
  }

  /** Kills every process at once. */
  kill(): void {
    this.#ledger.killAll();
  }

  #supervise(command: SupervisedCommand): void {
    const log = new LogFile(this.#options.data.file('logs', `${command.name}.log`));
    const supervisor = new Supervisor(command, this.#ledger, {
      onLine: (line) => {
        log.write(line);
        showNotice(command.name, line);
      },
      onExit: ({ code, restartInMs }) => {
        const next = restartInMs === undefined ? 'not restarted' : `restarting in ${restartInMs / 1000} s`;
        const message = `ended with code ${code}; ${next}`;
        const level = restartInMs === undefined ? 'info' : 'warn';
        log.write({ time: new Date().toISOString(), level, process: command.name, message });
        if (code === 0 && restartInMs === undefined) return;
        say(command.name, `${message} (see ${log.path})`, 'yellow');
        if (restartInMs === undefined) this.#giveUp(command.name);
      },
    });
    this.#supervisors.set(command.name, supervisor);
    supervisor.start();
  }

  async #becomeReady(): Promise<void> {
    const { data, signal } = this.#options;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(readyLimitMs)]);
    const healthy = await waitUntilHealthy(this.url, limit);
    if (signal.aborted) return;
    if (!healthy) {
      const log = data.file('logs', 'worker.log');
      throw new CliError(`The control plane did not respond within a minute. Read its log: ${log}`, exitCode.failed);
    }
    data.writeServer(this.url, this.token);
    say('ready', paint('bold', this.url), 'green');
  }

  async #startAgent(): Promise<void> {
    const { prepareAgent, data, env } = this.#options;
    if (!prepareAgent) return;
    const agent = await prepareAgent();
    const token = await localAgentToken(data, this.client);
    this.#supervise(agentCommand(agent, data, { url: this.url, token }, env));
  }
}

/** The Worker's settings from the environment, as texts. */
export function workerVariables(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  return Object.fromEntries(namesOf('worker', 'object').map((name) => [name, givenText(name, env)]));
}

function showNotice(name: string, line: LogLine): void {
  if (!line.notice) return;
  const format = { error: 'red', warn: 'yellow', info: 'bold', debug: 'dim' } as const;
  say(name, printable(line.message), format[line.level] ?? 'bold');
}
