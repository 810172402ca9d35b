import { setTimeout as delay } from 'node:timers/promises';
import type { Event, ToolStateRunning } from '@opencode-ai/sdk/v2/client';
import { spellDuration } from '../../src/domain/duration.ts';
import { truncated } from '../../src/protocol/common/text.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { note } from '../note.ts';
import { MARKER_VARIABLE } from '../opencode/home.ts';
import type { Mapping } from '../opencode/mapping/mapping.ts';
import { endOfWorktree, findOfWorktree, worktreeMark } from '../process/lease-mark.ts';
import { commandLineOf, endAll, endProcesses, groupOf, hasVariable, parentOf } from '../process/processes.ts';
import type { OpenCodePort } from './opencode-port.ts';

/** The limit that OpenCode gives a command which names none. */
const COMMAND_LIMIT_MS = 120_000;
/** OpenCode ends a command at its limit. This long afterwards, the command can only be waiting for its output to close. */
const GRACE_MS = 15_000;
const LOOK_MS = 5_000;
/** When a command without output is named in the log: after so long, and then again. */
const SILENT_MS = [60_000, 300_000, 1_200_000, 3_600_000];

/** How long the shell of a call may take to start. */
const SHELL_LOOKS = 20;
const SHELL_LOOK_MS = 100;

export interface ToolProcessesContext {
  opencode: Pick<OpenCodePort, 'subscribe'>;
  /** The worktree of the lease, while it exists. */
  worktree: string;
  mapping: Pick<Mapping, 'covers'>;
  report(frame: AgentFrameBody): void;
  log(line: string): void;
}

interface RunningCommand {
  /** In ms since the epoch. */
  dueAt: number;
  limitMs: number;
  /** In ms since the epoch: its start, and the newest output. */
  startedAt: number;
  heardAt: number;
  output: string;
  command: string;
  /** How many notes have said that it is silent. */
  notes: number;
}

/**
 * The processes that the commands of one lease have started, in whatever session or group they run. None outlives the
 * lease. A command that stays open after its limit, because a process in the background holds its output, is freed.
 */
export class ToolProcesses {
  readonly #context: ToolProcessesContext;
  readonly #mark: string;
  readonly #running = new Map<string, RunningCommand>();
  readonly #unsubscribe: () => void;
  readonly #timer: NodeJS.Timeout;

  constructor(context: ToolProcessesContext) {
    this.#context = context;
    this.#mark = worktreeMark(context.worktree);
    this.#unsubscribe = context.opencode.subscribe((signal) => {
      if (signal.type === 'event') this.#event(signal.event);
      // With the server, its commands have ended.
      else if (signal.type === 'down') this.#running.clear();
    });
    this.#timer = setInterval(() => {
      this.noteSilent(Date.now());
      void this.freeOverdue(Date.now());
    }, LOOK_MS);
    this.#timer.unref();
  }

  /** Ends all processes of the lease. Call it when the lease's work has ended, before its worktree is removed. */
  async endAll(): Promise<void> {
    clearInterval(this.#timer);
    this.#unsubscribe();
    const ended = await endOfWorktree(this.#mark);
    if (ended > 0) this.#context.log(`ended ${ended} processes that the commands of ${this.#mark} left running`);
  }

  /** Names commands that run without output for long. @param now ms since the epoch */
  noteSilent(now: number): void {
    for (const running of this.#running.values()) {
      const { startedAt, heardAt, command } = running;
      const silentMs = now - heardAt;
      if (silentMs < (SILENT_MS[running.notes] ?? Number.POSITIVE_INFINITY)) continue;
      running.notes = SILENT_MS.filter((limit) => limit <= silentMs).length;
      const [ran, silent] = [spellDuration(now - startedAt), spellDuration(silentMs)];
      const text = `The command “${truncated(command, 200)}” has been running for ${ran}, with no output for ${silent}. “oio session end-tool” ends it alone.`;
      this.#context.report(note('info', text));
    }
  }

  /** Ends the background processes of the lease if a command is open long after its limit. @param now ms since the epoch */
  async freeOverdue(now: number): Promise<void> {
    const overdue = [...this.#running].find(([, { dueAt }]) => dueAt + GRACE_MS <= now);
    if (!overdue) return;
    const [call, { limitMs }] = overdue;
    this.#running.delete(call);
    const background = this.#background();
    if (background.length === 0) return;
    await endProcesses(background);
    const text = `A command did not end at its limit of ${limitMs / 1_000} s, because processes in the background held its output. Ended the lease's ${background.length} background processes. A background process should write to a file.`;
    this.#context.report(note('warning', text));
  }

  /**
   * Ends running commands alone, as a person asked. The model learns of it by their exit code, and the turn goes on.
   *
   * @param call the id of the call; without it, all commands that run
   */
  async end(call?: string): Promise<void> {
    const chosen = [...this.#running].flatMap(([id, { command }]) =>
      call === undefined || id === call ? command : [],
    );
    if (chosen.length === 0) {
      this.#context.report(note('warning', 'No command was ended, because none runs. Other tools end with the turn.'));
      return;
    }
    const isChosen = (root: number) =>
      chosen.length === this.#running.size || chosen.some((command) => commandLineOf(root).includes(command));
    const groups = new Set<number | null>();
    const find = () => {
      const all = this.#all();
      const roots = new Set(all.flatMap(({ root }) => (root !== null && isChosen(root) ? root : [])));
      // A process whose shell has just ended is still in the group of that shell, which OpenCode makes for each command.
      for (const root of roots) if (groupOf(root) === parentOf(root)) groups.add(groupOf(root));
      return all.flatMap(({ pid, root }) =>
        (root !== null && roots.has(root)) || groups.has(groupOf(pid)) ? pid : [],
      );
    };
    let pids = find();
    // OpenCode reports a call before its shell runs.
    for (let look = 0; pids.length === 0 && look < SHELL_LOOKS; look++) {
      await delay(SHELL_LOOK_MS);
      pids = find();
    }
    // A command whose own processes have ended waits for those in the background, which hold its output.
    if (pids.length > 0) await endAll(find);
    else await endProcesses(this.#background());
    this.#context.report(note('info', `Ended as requested: ${truncated(chosen.join('; '), 500)}`));
  }

  /** The processes of the lease that are not below OpenCode, because the process that started them has ended. */
  #background(): number[] {
    return this.#all().flatMap(({ pid, root }) => (root === null ? pid : []));
  }

  /** The processes of the lease. `root`: the one above it that OpenCode has started; null for none. */
  #all(): { pid: number; root: number | null }[] {
    const all = findOfWorktree(this.#mark);
    const rootOf = (pid: number): number | null => {
      const parent = parentOf(pid);
      if (parent === null) return null;
      if (all.includes(parent)) return rootOf(parent);
      return hasVariable(parent, MARKER_VARIABLE) ? pid : null;
    };
    return all.map((pid) => ({ pid, root: rootOf(pid) }));
  }

  #event(event: Event): void {
    if (event.type !== 'message.part.updated') return;
    const { part } = event.properties;
    if (part.type !== 'tool' || !this.#context.mapping.covers(part.sessionID)) return;
    const { status } = part.state;
    if (status === 'completed' || status === 'error') this.#running.delete(part.callID);
    else if (status === 'running' && part.tool === 'bash') this.#runs(part.callID, part.state, Date.now());
  }

  #runs(call: string, { input, metadata }: ToolStateRunning, now: number): void {
    // Without output, not even an empty one, the command waits for a permission.
    if (typeof metadata?.output !== 'string') return;
    const known = this.#running.get(call);
    if (known === undefined) {
      const limitMs = typeof input.timeout === 'number' ? input.timeout : COMMAND_LIMIT_MS;
      const { output } = metadata;
      const times = { startedAt: now, heardAt: now, dueAt: now + limitMs, limitMs };
      this.#running.set(call, { ...times, output, command: String(input.command), notes: 0 });
    } else if (known.output !== metadata.output) {
      Object.assign(known, { output: metadata.output, heardAt: now, notes: 0 });
    }
  }
}
