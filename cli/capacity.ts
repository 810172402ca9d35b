import { MAX_AGENT_CAPACITY } from '../src/protocol/common/limits.ts';
import { type OptionSpec, parseInteger } from './command.ts';

/** The `--capacity` option of `oio agent` and `oio up`: how many sessions an agent runs at once. */
export const capacityOption = {
  type: 'string',
  placeholder: 'n',
  default: '4',
  description: `Sessions that the agent runs at once (4, at most ${MAX_AGENT_CAPACITY})`,
} as const satisfies OptionSpec;

/** @throws CliError for a number that the control plane would reject */
export function parseCapacity(text: string): number {
  return parseInteger('--capacity', text, { min: 1, max: MAX_AGENT_CAPACITY });
}
