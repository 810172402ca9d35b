import type { Usage } from '../../protocol/session/session.ts';

export const NO_USAGE: Usage = {
  turns: 0,
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
};

const COUNTERS = Object.keys(NO_USAGE) as (keyof Usage)[];

/** Adds the usage of one model turn. A sub-agent's turn counts like any other. */
export function addUsage(total: Usage, turn: Omit<Usage, 'turns'>): Usage {
  const increment: Usage = { ...turn, turns: 1 };
  return eachCounter((counter) => total[counter] + increment[counter]);
}

/** The usage since `before`, an earlier total. */
export function usageSince(total: Usage, before: Usage): Usage {
  return eachCounter((counter) => total[counter] - before[counter]);
}

function eachCounter(count: (counter: keyof Usage) => number): Usage {
  return Object.fromEntries(COUNTERS.map((counter) => [counter, count(counter)])) as Usage;
}
