import { setTimeout as delay } from 'node:timers/promises';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { note } from '../note.ts';
import type { OpenCodePort, RemoteMcpServer } from './opencode-port.ts';

/** The servers of a usual configuration have answered by then. */
const PATIENCE_MS = 5_000;
const ADVICE = 'Correct it in OpenCode\'s configuration, set its "timeout", or disable it.';

export interface McpServersDependencies {
  opencode: Pick<OpenCodePort, 'waitingMcpServers' | 'connectMcpServer' | 'addMcpServer' | 'hasMcpServer'>;
  directory: string;
  /** The runner's own server for this lease; null if it has none. */
  own?: RemoteMcpServer | null;
  report: (frame: AgentFrameBody) => void;
  /** Ends the attempts to connect, and the reports. */
  ending: Promise<void>;
  patienceMs?: number;
}

/**
 * Connects OpenCode's MCP servers for one lease, all at once. A prompt waits for them for a few seconds; the tools of a
 * server that answers later join the work then. OpenCode itself would keep the first prompt waiting for all of them, for up
 * to a minute, and say nothing; see `deferMcpServers`.
 */
export class McpServers {
  readonly #dependencies: McpServersDependencies;
  readonly #ended = new AbortController();
  readonly #connecting = new Set<string>();
  #isOwnAdded = false;
  #ownProblem: string | null = null;

  constructor(dependencies: McpServersDependencies) {
    this.#dependencies = dependencies;
    void dependencies.ending.then(() => this.#ended.abort());
  }

  /** Call this before each prompt. It connects the servers that wait, which all do when OpenCode has been restarted. */
  async ready(): Promise<void> {
    const { ending, patienceMs = PATIENCE_MS } = this.#dependencies;
    const timer = new AbortController();
    const late = delay(patienceMs, 'late' as const, { signal: timer.signal }).catch(() => 'ended' as const);
    // The work does not depend on the servers.
    const connected = Promise.all([this.#addOwn(), this.#connectAll()]).catch(() => undefined);
    const how = await Promise.race([connected, ending, late]);
    timer.abort();
    if (how === 'late' && !this.#ended.signal.aborted && this.#connecting.size > 0) {
      const names = [...this.#connecting].join(', ');
      const what = `The work begins without MCP servers of OpenCode that have not answered yet: ${names}.`;
      this.#dependencies.report(note('warning', `${what} Their tools join it when they answer.`));
    }
  }

  /** The lease before may have had the directory, and OpenCode forgets the server when it is restarted. */
  async #addOwn(): Promise<void> {
    const { opencode, directory, own = null, report } = this.#dependencies;
    if (own === null) return;
    if (this.#isOwnAdded && (await opencode.hasMcpServer(directory, own.name))) return;
    const problem = await opencode.addMcpServer(directory, own).catch((error: Error) => error.message);
    this.#isOwnAdded = problem === null;
    const isNew = problem !== this.#ownProblem;
    this.#ownProblem = problem;
    if (problem === null || !isNew || this.#ended.signal.aborted) return;
    report(note('warning', `The model works without the tools for contexts and claims: ${problem}.`));
  }

  async #connectAll(): Promise<void> {
    const { opencode, directory } = this.#dependencies;
    const waiting = await opencode.waitingMcpServers(directory);
    const names = waiting.filter((name) => !this.#connecting.has(name));
    await Promise.all(names.map((name) => this.#connect(name)));
  }

  async #connect(name: string): Promise<void> {
    const { opencode, directory, report } = this.#dependencies;
    const { signal } = this.#ended;
    this.#connecting.add(name);
    const problem = await opencode
      .connectMcpServer(directory, name, signal)
      .catch((error: Error) => error.message)
      .finally(() => this.#connecting.delete(name));
    if (problem === null || signal.aborted) return;
    report(note('warning', `The MCP server ${name} cannot be used: ${problem}. ${ADVICE}`));
  }
}
