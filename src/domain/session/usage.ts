import type { Usage } from '../../protocol/session/session.ts';

type UsageIncrement = Omit<Usage, 'turns'> & { sub_agent: boolean };

export const NO_USAGE: Usage = {
  turns: 0,
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
};

/** Adds one model turn. A sub-agent's turn counts its tokens and cost, and as a turn. */
export function addUsage(total: Usage, turn: UsageIncrement): Usage {
  return {
    turns: total.turns + 1,
    input_tokens: total.input_tokens + turn.input_tokens,
    output_tokens: total.output_tokens + turn.output_tokens,
    reasoning_tokens: total.reasoning_tokens + turn.reasoning_tokens,
    cache_read_tokens: total.cache_read_tokens + turn.cache_read_tokens,
    cache_write_tokens: total.cache_write_tokens + turn.cache_write_tokens,
    cost_usd: total.cost_usd + turn.cost_usd,
  };
}

/** What was spent since `before`, a total of the same kind. */
export function usageSince(total: Usage, before: Usage): Usage {
  const members = Object.keys(NO_USAGE) as (keyof Usage)[];
  return Object.fromEntries(members.map((member) => [member, total[member] - before[member]])) as Usage;
}
