import { startNotice } from '../../src/domain/session/checks.ts';
import { MAX_CHECK_OUTPUT_CHARS } from '../../src/protocol/common/limits.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { Check, CheckEnd, CheckOutcome } from '../../src/protocol/session/checks.ts';
import { BoundedOutput } from '../process/bounded-output.ts';
import { type CommandEnd, runAsTool } from '../process/run-as-tool.ts';

/** The number of the round before the first prompt. */
const AT_START = 0;
/** Room for the line that says how much of an output is left out. */
const REMARK_CHARS = 100;
const HEAD_CHARS = 2_000;
const TAIL_CHARS = MAX_CHECK_OUTPUT_CHARS - HEAD_CHARS - REMARK_CHARS;

export interface ChecksDependencies {
  assignment: Pick<Assignment, 'checks' | 'start_checks' | 'check_round'>;
  /** What OpenCode starts its tools with; see `runAsTool`. */
  toolEnvironment(): Record<string, string>;
  report(frame: AgentFrameBody): void;
}

/** How a round of checks has ended. `interrupted`: it says nothing. */
export type RoundEnd = { type: 'passed' } | { type: 'interrupted' } | { type: 'failed'; commands: string[] };

/** Runs the checks of one assignment in its worktree, one after the other, and reports how each ended. */
export class Checks {
  readonly #dependencies: ChecksDependencies;
  readonly #checks: readonly Check[];
  #startChecks: readonly Check[];
  #round: number;
  #running: AbortController | null = null;

  constructor(dependencies: ChecksDependencies) {
    this.#dependencies = dependencies;
    const { checks = [], start_checks = [], check_round = 1 } = dependencies.assignment;
    this.#checks = checks;
    this.#startChecks = start_checks;
    this.#round = check_round;
  }

  /** Whether there are any. */
  get exist(): boolean {
    return this.#checks.length > 0;
  }

  /** Ends the running round, because there is other work to do, or none any more. It can be run again. */
  interrupt(): void {
    this.#running?.abort();
  }

  /** Whether {@link runAtStart} has something to run. */
  get areDueAtStart(): boolean {
    return this.#startChecks.length > 0;
  }

  /**
   * Runs the checks of the session on the merged work from which the task starts, once.
   * @returns a notice for the model that lists the failed checks; null if none failed, or if they were interrupted
   */
  async runAtStart(directory: string): Promise<string | null> {
    const checks = this.#startChecks;
    this.#startChecks = [];
    const ends = await this.#runAll(checks, AT_START, directory);
    return ends === null ? null : startNotice(checks, ends);
  }

  /**
   * Runs all checks, also those after a failed one, so that the model learns of all failures at once.
   * @param directory in which the model works
   */
  async run(directory: string): Promise<RoundEnd> {
    const ends = await this.#runAll(this.#checks, this.#round++, directory);
    if (ends === null) return { type: 'interrupted' };
    const failed = this.#checks.filter((_, index) => ends[index]!.outcome !== 'passed');
    return failed.length === 0
      ? { type: 'passed' }
      : { type: 'failed', commands: failed.map(({ command }) => command) };
  }

  /** @returns how they ended, in their order; null if they were interrupted */
  async #runAll(checks: readonly Check[], round: number, directory: string): Promise<CheckEnd[] | null> {
    const running = new AbortController();
    this.#running = running;
    const ends: CheckEnd[] = [];
    for (const [index, check] of checks.entries()) {
      if (running.signal.aborted) break;
      ends.push(await this.#runOne({ round, index, ...check }, directory, running.signal));
    }
    this.#running = null;
    return running.signal.aborted ? null : ends;
  }

  async #runOne(
    run: Check & { round: number; index: number },
    directory: string,
    signal: AbortSignal,
  ): Promise<CheckEnd> {
    const { report, toolEnvironment } = this.#dependencies;
    report({ type: 'check.started', data: run });
    const { timeout_seconds, ...named } = run;
    const end = await runCheck(run, directory, toolEnvironment(), signal);
    report({ type: 'check.ended', data: { ...named, ...end } });
    return end;
  }
}

/** Runs one check. What it has started ends with it, in whatever process session it runs. */
export async function runCheck(
  { command, timeout_seconds }: Check,
  directory: string,
  environment: Record<string, string>,
  signal: AbortSignal,
): Promise<CheckEnd> {
  const output = new BoundedOutput({ headChars: HEAD_CHARS, tailChars: TAIL_CHARS });
  const onOutput = (text: string) => output.add(text);
  const limitMs = timeout_seconds * 1_000;
  try {
    const options = { command, directory, environment, limitMs, signal, onOutput, keepsServices: false };
    const end = await runAsTool(options);
    const exit_code = end.how === 'exited' ? end.exitCode : null;
    return { outcome: outcomeOf(end), exit_code, ms: Math.round(end.ms), output: output.text() };
  } catch (error) {
    // For example, because an earlier check has removed the directory.
    const why = (error as Error).message.slice(0, MAX_CHECK_OUTPUT_CHARS);
    return { outcome: 'not_started', exit_code: null, ms: 0, output: why };
  }
}

function outcomeOf({ how, exitCode }: CommandEnd): CheckOutcome {
  if (how !== 'exited') return how;
  return exitCode === 0 ? 'passed' : 'failed';
}
