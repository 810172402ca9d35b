import {
  CHECKS_FAILED,
  type Check,
  type CheckEnd,
  type CheckEvidence,
  type CheckResult,
} from '../../protocol/session/checks.ts';
import type { SessionError } from '../../protocol/session/session.ts';
import { counted } from '../counted.ts';

/**
 * The rounds of a task's checks. An agent runs all of them when it would report a result, and the session judges how
 * they ended. Failed ones become the next prompt, a bounded number of times.
 */
export interface CheckRecord {
  /** The number of the newest round; 0 before the first. */
  round: number;
  /** How the checks of that round have ended, by their place in the list; null for one that has not. */
  ends: (StoredEnd | null)[];
  /** Whether the agent has got a prompt since, so that the ends say nothing of the present work. */
  is_past: boolean;
  /** The epochs in which failed checks became a prompt, one for each time. */
  handed_back: number[];
}

/** How a check has ended, with its command, because the list may have changed since. */
export interface StoredEnd extends CheckEnd {
  /** Absent in a record of an earlier release. */
  command?: string;
}

export const NO_CHECKS_RUN: CheckRecord = { round: 0, ends: [], is_past: false, handed_back: [] };

/** The record after a check has ended. What is reported late of an earlier round changes nothing. */
export function withEnd(record: CheckRecord, round: number, index: number, end: StoredEnd): CheckRecord {
  if (round < record.round || (round === record.round && record.is_past)) return record;
  const ends = round === record.round ? [...record.ends] : [];
  while (ends.length <= index) ends.push(null);
  ends[index] = end;
  return { ...record, round, ends, is_past: false };
}

/** What the checks say of the present work. `unknown`: not all of them have run. */
export type CheckVerdict = 'passed' | 'failed' | 'unknown';

export function judgeChecks(checks: readonly Check[], record: CheckRecord): CheckVerdict {
  const ends = checks.map((check, index) => endOf(record, check, index));
  if (ends.some((end) => end !== null && end.outcome !== 'passed')) return 'failed';
  return ends.includes(null) ? 'unknown' : 'passed';
}

/** Whether failed checks become another prompt. */
export function isRoundLeft({ handed_back }: CheckRecord, maxRounds: number): boolean {
  return handed_back.length < maxRounds;
}

/** The checks as a result lists them. */
export function checkResults(checks: readonly Check[], record: CheckRecord): CheckResult[] {
  return checks.map((check, index) => {
    const { command } = check;
    const end = endOf(record, check, index);
    return end === null ? { command, outcome: 'not_run', exit_code: null, ms: 0, output: '' } : { ...end, command };
  });
}

/** A section for each check that failed. */
function failures(checks: readonly Check[], results: readonly CheckResult[]): string[] {
  return results.flatMap((result, index) => {
    if (!hasFailed(result)) return [];
    const how = howItEnded(result, checks[index]!.timeout_seconds);
    return [`## ${result.command}\n\n${how}\n\n${fenced(result.output)}`];
  });
}

/** Tells the model which checks fail before it begins; null if none does. */
export function startNotice(checks: readonly Check[], ends: readonly (CheckEnd | null)[]): string | null {
  const results = checkResults(checks, { ...NO_CHECKS_RUN, ends: [...ends] });
  const failed = failures(checks, results);
  if (failed.length === 0) return null;
  return [
    'This task starts from the merged work of the tasks before it, with which these checks fail. They may not fit together. Mend that if it concerns your task.',
    ...failed,
  ].join('\n\n');
}

/** The prompt with which an agent gets its failed checks back. */
export function mendPrompt(checks: readonly Check[], record: CheckRecord, maxRounds: number): string {
  const results = checkResults(checks, record);
  const failed = failures(checks, results);
  const left = maxRounds - record.handed_back.length - 1;
  const passed = results.filter(({ outcome }) => outcome === 'passed').map(({ command }) => `- ${command}`);
  return [
    `The work is not done yet: ${counted(failed.length, 'check')} failed. The checks ran in the directory in which you work, after your last answer.`,
    ...failed,
    ...(passed.length > 0 ? [`These checks passed, and must still pass:\n${passed.join('\n')}`] : []),
    'Find the cause and mend it. Do not weaken or skip a check to make it pass, unless the check itself is wrong; then say so in your answer.',
    left > 0
      ? `All checks run again when you have answered. If they fail then, you get them back ${counted(left, 'more time')}.`
      : 'All checks run again when you have answered. If they fail then, the task has failed.',
  ].join('\n\n');
}

/** Why a task failed whose checks fail. */
export function checksFailed(checks: readonly Check[], record: CheckRecord): SessionError {
  const results = checkResults(checks, record);
  const texts = results.flatMap((result, index) => {
    if (!hasFailed(result)) return [];
    const end = result.output.trim().slice(-MAX_ERROR_OUTPUT_CHARS);
    const output = end === '' ? '' : ` Its output ends with:\n${end}`;
    return [`“${result.command}”: ${howItEnded(result, checks[index]!.timeout_seconds)}${output}`];
  });
  const tries = record.handed_back.length;
  const after = tries === 0 ? '' : ` after ${counted(tries, 'attempt')} to mend the work`;
  return { code: CHECKS_FAILED, message: `Checks fail${after}. ${texts.join('\n')}`, retryable: false };
}

/** Why work is not complete whose checks its agent did not run. */
export function checksNotRun(checks: readonly Check[], record: CheckRecord): SessionError {
  const missing = checkResults(checks, record).filter(({ outcome }) => outcome === 'not_run');
  const names = missing.map(({ command }) => `“${command}”`).join(', ');
  const message = `The agent did not report how these checks ended: ${names}. Its runner may be too old to run them.`;
  return { code: 'checks_not_run', message, retryable: true };
}

/** @returns null if not all of them have run */
export function checkEvidence(checks: readonly Check[], record: CheckRecord, epoch: number): CheckEvidence | null {
  const verdict = judgeChecks(checks, record);
  if (verdict === 'unknown') return null;
  return { passed: verdict === 'passed', rounds: record.handed_back.filter((one) => one === epoch).length };
}

const MAX_ERROR_OUTPUT_CHARS = 400;
const SIGNALLED = 128;

/** An interrupted check says nothing, and neither does one of another command. */
function endOf({ ends, is_past }: CheckRecord, { command }: Check, index: number): CheckEnd | null {
  const end = is_past ? null : (ends[index] ?? null);
  if (end === null || end.outcome === 'interrupted') return null;
  return end.command === undefined || end.command === command ? end : null;
}

function hasFailed({ outcome }: CheckResult): boolean {
  return outcome !== 'passed' && outcome !== 'not_run';
}

/**
 * @param limit of its time, in seconds, if it is known
 * @example howItEnded(result) // 'It ended with exit code 1 after 3.2 s.'
 */
export function howItEnded(
  { outcome, exit_code, ms }: Omit<CheckResult, 'command' | 'output'>,
  limit?: number,
): string {
  const seconds = `${(ms / 1_000).toFixed(1)} s`;
  if (outcome === 'timed_out') return `It was ended at its limit${limit === undefined ? '' : ` of ${limit} s`}.`;
  if (outcome === 'not_started') return 'It could not be started.';
  if (outcome === 'not_run') return 'It was not run.';
  if (outcome === 'interrupted') return `It was interrupted after ${seconds}.`;
  const signal = exit_code !== null && exit_code > SIGNALLED ? ` (signal ${exit_code - SIGNALLED})` : '';
  return `It ended with exit code ${exit_code}${signal} after ${seconds}.`;
}

/** The output as a block that it cannot end by itself. */
function fenced(output: string): string {
  if (output.trim() === '') return 'It printed nothing.';
  const longest = [...output.matchAll(/`{3,}/g)].reduce((most, [ticks]) => Math.max(most, ticks.length), 2);
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${output.trimEnd()}\n${fence}`;
}
