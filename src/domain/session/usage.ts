import type { SessionEvent } from '../../protocol/events/envelope.ts';
import type { Usage } from '../../protocol/session/session.ts';
import { counted } from '../counted.ts';

export const NO_USAGE: Usage = {
  turns: 0,
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
  unpriced_turns: 0,
};

const COUNTERS = Object.keys(NO_USAGE) as (keyof Usage)[];

/** The usage of one model turn. */
export type TurnUsage = Omit<Usage, 'turns' | 'unpriced_turns'> & { unpriced?: boolean | undefined };

/** A turn that was cut off: the provider bills it, but OpenCode never learns its usage. */
export const CUT_OFF_TURN: TurnUsage = {
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
  unpriced: true,
};

/**
 * Whether the task's last turn is still open at the end of these events. Its usage is then missing, because the agent
 * reports usage when a turn ends.
 *
 * @param events the end of a session's log
 */
export function hasOpenTurn(events: readonly SessionEvent[], task: number): boolean {
  const newest = events.findLast((event) => event.task === task && (BEGINS.has(event.type) || endsTurn(event)));
  return newest !== undefined && !endsTurn(newest);
}

const BEGINS: ReadonlySet<SessionEvent['type']> = new Set(['text.delta', 'reasoning.delta', 'tool']);

function endsTurn(event: SessionEvent): boolean {
  return event.type === 'turn.started' || (event.type === 'usage' && !event.data.sub_agent);
}

/** Parses a stored total. A counter that did not exist when the total was stored is 0. */
export function readUsage(json: string): Usage {
  return { ...NO_USAGE, ...JSON.parse(json) };
}

/** Adds the usage of one model turn. A sub-agent's turn counts like any other. */
export function addUsage(total: Usage, turn: TurnUsage): Usage {
  const increment: Usage = { ...turn, turns: 1, unpriced_turns: turn.unpriced ? 1 : 0 };
  return eachCounter((counter) => (total[counter] ?? 0) + increment[counter]);
}

/** The usage since `before`, an earlier total. */
export function usageSince(total: Usage, before: Usage): Usage {
  return eachCounter((counter) => total[counter] - before[counter]);
}

/**
 * Formats a cost: the known amount, and the number of turns whose price is unknown.
 *
 * @param spell formats an amount of dollars
 * @example spellCost({ ...NO_USAGE, turns: 3, cost_usd: 1, unpriced_turns: 2 }, String) // '1 and 2 unpriced turns'
 */
export function spellCost({ turns, cost_usd, unpriced_turns = 0 }: Usage, spell: (dollars: number) => string): string {
  if (unpriced_turns === 0) return spell(cost_usd);
  if (unpriced_turns === turns) return 'unpriced';
  return `${spell(cost_usd)} and ${counted(unpriced_turns, 'unpriced turn')}`;
}

/** The cost in dollars; null if no turn had a price. */
export function knownCost({ turns, cost_usd, unpriced_turns }: Usage): number | null {
  return turns > 0 && unpriced_turns === turns ? null : cost_usd;
}

function eachCounter(count: (counter: keyof Usage) => number): Usage {
  return Object.fromEntries(COUNTERS.map((counter) => [counter, count(counter)])) as Usage;
}
