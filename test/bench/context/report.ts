import type { Machine } from '../machine.ts';
import { againstFloor, figure, machineFacts, table } from '../report.ts';
import { ratiosTo } from '../statistics.ts';
import type { MergeTimes } from './merges.ts';
import type { StepWrites } from './rows.ts';
import { FLOORS, type TiersReport } from './tiers.ts';

/** What was measured. A part that was left out is absent. */
export interface ContextReport {
  machine: Machine;
  tiers?: TiersReport;
  merges?: MergeTimes[];
  rows?: StepWrites[];
}

/** The report as Markdown. */
export function renderContexts({ machine, tiers, merges, rows }: ContextReport): string {
  const facts = [...machineFacts(machine), ...(tiers ? [tiers.stores, `${tiers.rounds} rounds`] : [])];
  return [facts.join('; '), tiers && tiersTable(tiers), merges && mergesTable(merges), rows && rowsTable(rows)]
    .filter((part) => part !== undefined)
    .join('\n\n');
}

function tiersTable({ rows }: TiersReport): string {
  const times = table(
    ['operation', 'n', 'p50, ms', 'p99, ms', 'floor'],
    rows.map(({ operation, floor, measured, floor_measured }) => {
      const ratios = ratiosTo(floor_measured, measured);
      return [
        operation,
        measured.count.toLocaleString('en'),
        ...(['p50_ms', 'p99_ms'] as const).map((member) =>
          againstFloor(measured[member], floor_measured[member], ratios[member]),
        ),
        floor,
      ];
    }),
  );
  const floors = Object.entries(FLOORS).map(([name, { what }]) => `- *${name}*: ${what}.`);
  return [times, floors.join('\n')].join('\n\n');
}

function mergesTable(merges: readonly MergeTimes[]): string {
  const [few] = merges;
  const cell = (ms: number, first: number) => `${figure(ms)} (${figure(ms / first)}×)`;
  return table(
    ['keys', 'bytes of each', 'rules, ms', 'at the home, ms'],
    merges.map(({ keys, bytes, rules_ms, home_ms }) => [
      keys.toLocaleString('en'),
      bytes.toLocaleString('en'),
      cell(rules_ms, few!.rules_ms),
      cell(home_ms, few!.home_ms),
    ]),
  );
}

function rowsTable(steps: readonly StepWrites[]): string {
  return table(
    ['step', 'rows written', 'statements', 'transactions', 'alarms set', 'to Redis', 'to Postgres'],
    steps.map(({ step, writes: { rows, statements, transactions, alarms }, redis, postgres }) => [
      step,
      ...[rows, statements, transactions, alarms, redis, postgres].map(String),
    ]),
  );
}
