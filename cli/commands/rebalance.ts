import type { Rebalance } from '../../src/protocol/agent/rebalance.ts';
import { MAX_MOVES } from '../../src/protocol/common/limits.ts';
import { defineCommand, exitCode, parseInteger } from '../command.ts';
import { shownId } from '../table.ts';
import { printable, printJson } from '../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines } from './session/common.ts';

export const rebalance = defineCommand({
  summary: 'Move work from agents that have too much to idle ones',
  usage: ['agent rebalance [--dry-run] [--max-moves <number>] [--json]'],
  details: `${connectionDetails}
Offers are offered to other agents at once. Running work moves only if its session was created with --allow-rebalance: its agent saves a checkpoint and lets it go.`,
  options: {
    'dry-run': { type: 'boolean', default: false, description: 'Only say what would be moved' },
    'max-moves': { type: 'string', placeholder: 'number', description: 'The most moves (10)' },
    ...jsonOption,
  },
  async run({ values }) {
    const most = values['max-moves'];
    const report = await connect().agents.rebalance({
      dry_run: values['dry-run'],
      ...(most !== undefined && { max_moves: parseInteger('--max-moves', most, { min: 1, max: MAX_MOVES }) }),
    });
    if (values.json) printJson(report);
    else printLines(linesOf(report));
    return exitCode.ok;
  },
});

/** The report in words, a line for each move and for each reason why something stays. */
export function linesOf({ dry_run, moved, not_moved }: Rebalance): string[] {
  const verb = dry_run ? 'would move' : 'moves';
  const moves = moved.map(
    ({ session_id, from, to, reason }) => `${shownId(session_id)} ${verb} from ${from.name} to ${to.name}. ${reason}`,
  );
  const stays = not_moved.map(({ reason, count, sessions }) => {
    const more = count > sessions.length ? ', …' : '';
    return `${count} ${count === 1 ? 'stays' : 'stay'} (${sessions.map(shownId).join(', ')}${more}). ${reason}`;
  });
  return [...(moves.length === 0 ? [`Nothing ${dry_run ? 'would be' : 'is'} moved.`] : moves), ...stays].map(printable);
}
