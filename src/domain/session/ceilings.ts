import { truncated } from '../../protocol/common/text.ts';
import type { CeilingName, Ceilings } from '../../protocol/session/ceilings.ts';
import type { SessionError } from '../../protocol/session/session.ts';
import { spellDuration } from '../duration.ts';

/** The ceilings that an agent or a session sets. */
export type GivenCeilings = { readonly [N in CeilingName]?: Ceilings[N] | undefined };

/** A ceiling that applies, and where it can be changed. */
interface Bound {
  value: number;
  setBy: 'session' | 'agent';
}

/** The ceilings of one run. For each name, the lower of the session's and the agent's ceiling. */
export type Bounds = { readonly [N in CeilingName]?: Bound };

/** A model's answer to one call. */
export interface ModelCall {
  /** The id of the session's conversation, or of a sub-agent's. Streaks are counted for each conversation. */
  conversation: string;
  /** Whether the answer is the summary that replaces a conversation that became too long. */
  isSummary: boolean;
  /** Why the answer ended, in OpenCode's words, such as `stop` or `tool-calls`. */
  finish: string;
  hasText: boolean;
  cost_usd: number;
}

/** The consecutive empty answers and compactions of one conversation. */
interface Streaks {
  empty: number;
  compactions: number;
  callsSinceCompaction: number;
}

/** Counts of the model calls of one run so far. */
export interface CallCounts {
  readonly turns: number;
  readonly cost_usd: number;
  readonly streaks: Readonly<Record<string, Streaks>>;
  /** The failed calls since the last answer; `retry` describes the last one. */
  readonly retries: number;
  readonly retry: { readonly message: string; readonly wait_ms: number } | null;
  /** The calls that were cut off during their answer. */
  readonly cutOff: number;
}

export const NO_CALLS: CallCounts = { turns: 0, cutOff: 0, cost_usd: 0, streaks: {}, retries: 0, retry: null };

/** A ceiling that was reached, and the error for the session. */
export interface ReachedCeiling {
  name: CeilingName;
  error: SessionError;
}

/** If fewer calls than this follow a compaction before the next one, the compaction did not help. */
const FEW_CALLS = 3;
const NO_STREAKS: Streaks = { empty: 0, compactions: 0, callsSinceCompaction: FEW_CALLS };

/** Combines the ceilings of an agent and a session. */
export function boundsOf(agent: GivenCeilings, session: GivenCeilings): Bounds {
  const names = Object.keys(SENTENCES) as CeilingName[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const [own, given] = [agent[name] ?? Number.POSITIVE_INFINITY, session[name] ?? Number.POSITIVE_INFINITY];
      const bound: Bound = given <= own ? { value: given, setBy: 'session' } : { value: own, setBy: 'agent' };
      return Number.isFinite(bound.value) ? [[name, bound]] : [];
    }),
  );
}

/** Counts an answered call. */
export function countCall(counts: CallCounts, call: ModelCall): CallCounts {
  const before = counts.streaks[call.conversation] ?? NO_STREAKS;
  return {
    ...counts,
    turns: counts.turns + 1,
    cost_usd: counts.cost_usd + call.cost_usd,
    streaks: { ...counts.streaks, [call.conversation]: call.isSummary ? compacted(before) : answered(before, call) },
    retries: 0,
    retry: null,
  };
}

/** Counts a call that was cut off during its answer. */
export function countCutOff(counts: CallCounts): CallCounts {
  return { ...counts, cutOff: counts.cutOff + 1 };
}

/** Counts a failed call that will be repeated after `wait_ms`. */
export function countRetry(counts: CallCounts, message: string, wait_ms: number): CallCounts {
  return { ...counts, retries: counts.retries + 1, retry: { message, wait_ms } };
}

/** Ends all streaks, because a new prompt begins. */
export function endStreaks(counts: CallCounts): CallCounts {
  return { ...counts, streaks: {}, retries: 0, retry: null };
}

function compacted({ empty, compactions, callsSinceCompaction }: Streaks): Streaks {
  const isInRow = compactions > 0 && callsSinceCompaction < FEW_CALLS;
  return { empty, compactions: isInRow ? compactions + 1 : 1, callsSinceCompaction: 0 };
}

function answered({ empty, compactions, callsSinceCompaction }: Streaks, { finish, hasText }: ModelCall): Streaks {
  const isWhole = finish === 'tool-calls' || (finish === 'stop' && hasText);
  return { empty: isWhole ? 0 : empty + 1, compactions, callsSinceCompaction: callsSinceCompaction + 1 };
}

/** Checks the ceilings, before each model call and after each failed one. @returns null while no ceiling is reached */
export function judgeCalls(counts: CallCounts, bounds: Bounds): ReachedCeiling | null {
  const streaks = Object.values(counts.streaks);
  const reached: Record<Exclude<CeilingName, 'max_silence_seconds'>, number | null> = {
    max_turns: counts.turns + counts.cutOff,
    max_cost_usd: counts.cost_usd,
    max_compactions: Math.max(0, ...streaks.map(({ compactions }) => compactions)),
    max_empty_answers: Math.max(0, ...streaks.map(({ empty }) => empty)),
    max_retries: counts.retries,
    max_retry_wait_seconds: counts.retry && counts.retry.wait_ms / 1_000,
  };
  for (const name of Object.keys(reached) as (keyof typeof reached)[]) {
    const [count, bound] = [reached[name], bounds[name]];
    if (count === null || bound === undefined) continue;
    // These two ceilings are allowed values. The run ends as soon as it reaches any other ceiling.
    const isAllowed =
      name === 'max_retries' || name === 'max_retry_wait_seconds' ? count <= bound.value : count < bound.value;
    if (!isAllowed) return { name, error: errorOf(name, bound, counts) };
  }
  return null;
}

/** The error for a model that sent nothing for the allowed time, twice in a row. */
export function silentTooLong(bounds: Bounds): SessionError {
  return errorOf('max_silence_seconds', bounds.max_silence_seconds!, NO_CALLS);
}

/** Whether a ceiling limits spending. A run that reaches it has done part of its work; the others detect faults. */
export function isBudget(name: CeilingName): boolean {
  return name === 'max_turns' || name === 'max_cost_usd';
}

type Sentence = (bound: number, counts: CallCounts) => string;

const SENTENCES: Readonly<Record<CeilingName, Sentence>> = {
  max_turns: (bound) => `The run used its limit of ${bound} model calls before the work was done.`,
  max_cost_usd: (bound, { cost_usd }) => `The cost has reached $${cost_usd.toFixed(4)}; the limit is $${bound}.`,
  max_compactions: (bound) =>
    `The conversation was compacted ${bound} times in a row, and was soon too long again each time. Use a model with a larger context window, or give it less to read.`,
  max_empty_answers: (bound) => `The model gave ${bound} empty or incomplete answers in a row.`,
  max_retries: (bound, { retry }) => `The model failed more than ${bound} times in a row. ${lastError(retry)}`,
  max_retry_wait_seconds: (bound, { retry }) =>
    `The provider asks for a wait of ${spellDuration(retry?.wait_ms ?? 0)}; the limit is ${spellDuration(bound * 1_000)}. ${lastError(retry)}`,
  max_silence_seconds: (bound) =>
    `The model sent nothing for ${spellDuration(bound * 1_000)}. The agent repeated the call, and the model sent nothing again.`,
};

/** Whether a retry can succeed: after an outage, or with a new budget. A retry would repeat a loop or a long wait. */
const IS_RETRYABLE: Readonly<Record<CeilingName, boolean>> = {
  max_turns: true,
  max_cost_usd: true,
  max_compactions: false,
  max_empty_answers: false,
  max_retries: true,
  max_retry_wait_seconds: false,
  max_silence_seconds: true,
};

function errorOf(name: CeilingName, { value, setBy }: Bound, counts: CallCounts): SessionError {
  const advice =
    setBy === 'session'
      ? `To allow more, create the session with a higher ${name} in agent_config`
      : `To allow more, start the agent with a higher ${settingOfCeiling(name)}`;
  return {
    code: codeOfCeiling(name),
    message: `${SENTENCES[name](value, counts)} ${advice}${isBudget(name) ? ', or retry to allow as much again' : ''}.`,
    retryable: IS_RETRYABLE[name],
  };
}

/** Error codes that differ from the ceiling's name. */
const CODES: { readonly [N in CeilingName]?: string } = {
  max_retry_wait_seconds: 'rate_limited',
  max_silence_seconds: 'model_silent',
};

/** The code of the error that ends a run at a ceiling. */
export function codeOfCeiling(name: CeilingName): string {
  return CODES[name] ?? name;
}

/** The environment variable that sets an agent's ceiling. */
export function settingOfCeiling<N extends CeilingName>(name: N): `OIO_${Uppercase<N>}` {
  return `OIO_${name.toUpperCase() as Uppercase<N>}`;
}

const MAX_QUOTED_CHARS = 2_000;

function lastError(retry: CallCounts['retry']): string {
  return retry === null ? '' : `The last error was: “${truncated(retry.message, MAX_QUOTED_CHARS)}”.`;
}
