import {
  type CheckRecord,
  type CheckVerdict,
  checkEvidence,
  checkResults,
  checksFailed,
  checksNotRun,
  isRoundLeft,
  judgeChecks,
  mendPrompt,
  withEnd,
} from '../../src/domain/session/checks.ts';
import { IMPLICIT_TASK } from '../../src/protocol/common/ids.ts';
import { MAX_CHECKS } from '../../src/protocol/common/limits.ts';
import type { AgentEventBody } from '../../src/protocol/events/agent.ts';
import type { Check, CheckEvidence, CheckResult } from '../../src/protocol/session/checks.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import type { SessionParts } from './parts.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'works' | 'messages'>;
type CheckEvent = Extract<AgentEventBody, { type: 'check.started' | 'check.ended' }>;

/** The number of the round before the first prompt. */
const AT_START = 0;
/** The author of the prompts with failed checks. */
const BY_THE_CHECKS = 'checks';

/** The checks of the tasks: how they ended, and what follows from it for a result. */
export class Checks {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** The number of the next round. */
  nextRound(task: number): number {
    return this.#parts.details.checks(task).length === 0 ? 1 : this.#record(task).round + 1;
  }

  /**
   * The checks that run before the first prompt: those of the session, if the task starts from the merged work of several
   * others. An integration has them as its own, and a conflict is not resolved yet when its task begins.
   */
  atStart(number: number): Check[] {
    const { records, works } = this.#parts;
    if (records.task(number)!.kind !== 'work' || number === IMPLICIT_TASK) return [];
    const { checks } = records.spec();
    return checks.length > 0 && works.startOf(number).from.length > 1 ? checks : [];
  }

  /** Stores how a check has ended. @returns why the event is invalid, or null */
  note(task: number, { type, data }: CheckEvent): string | null {
    // The checks of the session may have changed since the agent was given them.
    if (data.round === AT_START && data.index < MAX_CHECKS) return null;
    const checks = this.#parts.details.checks(task);
    const check = checks[data.index];
    if (!check) return `there are ${checks.length} checks, and the index counts from 0`;
    if (type === 'check.started') return null;
    const { round, index, outcome, exit_code, ms, output } = data;
    const end = { command: check.command, outcome, exit_code, ms, output };
    this.#save(task, withEnd(this.#record(task), round, index, end));
    return null;
  }

  /** The agent works again, so that how the checks have ended says nothing any more. */
  turnStarted(task: number): void {
    if (this.#parts.details.checks(task).length === 0) return;
    const record = this.#record(task);
    if (record.round > 0 && !record.is_past) this.#save(task, { ...record, is_past: true });
  }

  /** What the checks say of the present work; null if the task has none. */
  verdict(task: number): CheckVerdict | null {
    const checks = this.#parts.details.checks(task);
    return checks.length === 0 ? null : judgeChecks(checks, this.#record(task));
  }

  /**
   * Gives failed checks back to the agent of the lease as its next prompt, which continues the lease.
   * @returns whether a round was left for it
   */
  handBack(task: number, epoch: number): boolean {
    const { records, messages } = this.#parts;
    const { max_check_rounds: most } = records.spec();
    const record = this.#record(task);
    if (!isRoundLeft(record, most)) return false;
    messages.add(task, mendPrompt(this.#parts.details.checks(task), record, most), 'follow_up', BY_THE_CHECKS);
    this.#save(task, { ...record, is_past: true, handed_back: [...record.handed_back, epoch] });
    return true;
  }

  /** The checks as a result lists them. */
  results(task: number): CheckResult[] {
    return checkResults(this.#parts.details.checks(task), this.#record(task));
  }

  whyFailed(task: number): SessionError {
    return checksFailed(this.#parts.details.checks(task), this.#record(task));
  }

  whyNotRun(task: number): SessionError {
    return checksNotRun(this.#parts.details.checks(task), this.#record(task));
  }

  /** What the checks say of the agent that held the lease; null if they say nothing. */
  evidence(task: number, epoch: number): CheckEvidence | null {
    const checks = this.#parts.details.checks(task);
    return checks.length === 0 ? null : checkEvidence(checks, this.#record(task), epoch);
  }

  #record(task: number): CheckRecord {
    return this.#parts.details.checkRecord(task);
  }

  #save(task: number, record: CheckRecord): void {
    this.#parts.details.saveCheckRecord(task, record);
  }
}
