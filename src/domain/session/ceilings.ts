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

/** The ceilings of one run: the lower one of the session's and the agent's. */
export type Bounds = { readonly [N in CeilingName]?: Bound };

/** A model's answer to one call. */
export interface ModelCall {
  /** The conversation, or the sub-agent's, whose streaks it continues. */
  conversation: string;
  /** It is the summary of a conversation that became too long. */
  isSummary: boolean;
  /** Why the answer ended, in OpenCode's words, such as `stop` or `tool-calls`. */
  finish: string;
  hasText: boolean;
  cost_usd: number;
}

/** What a conversation has been doing in a row. */
interface Streaks {
  empty: number;
  compactions: number;
  callsSinceCompaction: number;
}

/** The calls of one run so far. */
export interface CallCounts {
  readonly turns: number;
  readonly cost_usd: number;
  readonly streaks: Readonly<Record<string, Streaks>>;
  /** The failed calls since the last answer, and the last failure. */
  readonly retries: number;
  readonly retry: { readonly message: string; readonly wait_ms: number } | null;
  /** The calls that were cut off while they were answered. */
  readonly cutOff: number;
}

export const NO_CALLS: CallCounts = { turns: 0, cutOff: 0, cost_usd: 0, streaks: {}, retries: 0, retry: null };

/** A ceiling was reached: which one, and the error that says so. */
export interface ReachedCeiling {
  name: CeilingName;
  error: SessionError;
}

/** A compaction that so few calls follow did not help. */
const FEW_CALLS = 3;
const NO_STREAKS: Streaks = { empty: 0, compactions: 0, callsSinceCompaction: FEW_CALLS };

/** The bounds of a run. */
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

/** Counts a call that was cut off while it was answered. */
export function countCutOff(counts: CallCounts): CallCounts {
  return { ...counts, cutOff: counts.cutOff + 1 };
}

/** Counts a failed call that will be repeated after `wait_ms`. */
export function countRetry(counts: CallCounts, message: string, wait_ms: number): CallCounts {
  return { ...counts, retries: counts.retries + 1, retry: { message, wait_ms } };
}

/** A new prompt begins: what went before is no longer in a row. */
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

/** Judges before the next call, and at each failed one. Returns null while no ceiling is reached. */
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
    // These two say how much is allowed; the others, after how much the run ends.
    const isAllowed =
      name === 'max_retries' || name === 'max_retry_wait_seconds' ? count <= bound.value : count < bound.value;
    if (!isAllowed) return { name, error: errorOf(name, bound, counts) };
  }
  return null;
}

/** A model was silent twice in a row for as long as it may be. */
export function silentTooLong(bounds: Bounds): SessionError {
  return errorOf('max_silence_seconds', bounds.max_silence_seconds!, NO_CALLS);
}

/** Whether a run that reached the ceiling has done a part of its work; a repeated fault has not. */
export function isBudget(name: CeilingName): boolean {
  return name === 'max_turns' || name === 'max_cost_usd';
}

type Sentence = (bound: number, counts: CallCounts) => string;

const SENTENCES: Readonly<Record<CeilingName, Sentence>> = {
  max_turns: (bound) => `The limit of ${bound} calls of a model was reached before the work was done.`,
  max_cost_usd: (bound, { cost_usd }) => `The cost has reached $${cost_usd.toFixed(4)}; the limit is $${bound}.`,
  max_compactions: (bound) =>
    `The conversation was compacted ${bound} times in a row and was too long again at once. Use a model with a larger context, or give it less to read.`,
  max_empty_answers: (bound) => `The model gave ${bound} answers in a row that were empty or broke off.`,
  max_retries: (bound, { retry }) => `The model failed more than ${bound} times in a row. ${lastOf(retry)}`,
  max_retry_wait_seconds: (bound, { retry }) =>
    `The provider asks for a wait of ${spellDuration(retry?.wait_ms ?? 0)}, more than the ${spellDuration(bound * 1_000)} that are allowed. ${lastOf(retry)}`,
  max_silence_seconds: (bound) =>
    `The model sent nothing for ${spellDuration(bound * 1_000)}, and again after it was asked again.`,
};

/** Another attempt can succeed after an outage. It would repeat a loop, or spend what the limit is to save. */
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

/** The codes of errors that are not named like the ceiling. */
const CODES: { readonly [N in CeilingName]?: string } = {
  max_retry_wait_seconds: 'rate_limited',
  max_silence_seconds: 'model_silent',
};

/** The code of the error that ends a run at a ceiling. */
export function codeOfCeiling(name: CeilingName): string {
  return CODES[name] ?? name;
}

/** The environment variable with which an agent sets a ceiling. */
export function settingOfCeiling<N extends CeilingName>(name: N): `OIO_${Uppercase<N>}` {
  return `OIO_${name.toUpperCase() as Uppercase<N>}`;
}

const MAX_QUOTED_CHARS = 2_000;

function lastOf(retry: CallCounts['retry']): string {
  return retry === null ? '' : `It says: “${truncated(retry.message, MAX_QUOTED_CHARS)}”.`;
}
