import { MAX_AGENT_CAPACITY } from '../src/protocol/common/limits.ts';
import { type OptionSpec, parseInteger } from './command.ts';

/** How many sessions an agent runs at once, as `oio agent` and `oio up` take it. */
export const capacityOption = {
  type: 'string',
  placeholder: 'n',
  default: '4',
  description: `Sessions that the agent runs at once (4, at most ${MAX_AGENT_CAPACITY})`,
} as const satisfies OptionSpec;

/** @throws CliError for what the control plane would not take either */
export function parseCapacity(text: string): number {
  return parseInteger('--capacity', text, { min: 1, max: MAX_AGENT_CAPACITY });
}
