import type { Writes } from './counting-platform.ts';
import type { Counts } from './counts.ts';
import type { Machine } from './machine.ts';
import { FLOORS, LONG_BATCH, OPERATIONS, ROWS, type Row } from './plan.ts';
import { percentile, type Ratios, type Recorder, ratiosTo, type Summary } from './statistics.ts';
import type { Day, Waiting } from './waiting.ts';

export interface MeasuredRow extends Row {
  measured: Summary;
  floor_measured: Summary;
  ratios: Ratios;
}

export interface Report {
  machine: Machine;
  rounds: number;
  seconds: number;
  rows: MeasuredRow[];
  /** The CPU time of the Worker's start, in ms, for each run. */
  startup_ms: number[];
  counts: Counts;
}

/** Each row of the plan with its floor, both of this run. */
export function rowsOf(recorder: Recorder): MeasuredRow[] {
  return ROWS.map((row) => {
    const measured = recorder.summary(row.operation, row.at_once);
    const floor_measured = recorder.summary(row.floor, row.at_once);
    return { ...row, measured, floor_measured, ratios: ratiosTo(floor_measured, measured) };
  });
}

/** The report as Markdown. */
export function render(report: Report): string {
  return [
    machineLine(report),
    timesTable(report.rows),
    floorsList(),
    summaryLines(report),
    countsTables(report.counts),
  ].join('\n\n');
}

function summaryLines({ rows, startup_ms }: Report): string {
  const long = rows.find(({ operation }) => operation === OPERATIONS.long_batch)!;
  const events = Math.round(long.measured.per_second * LONG_BATCH).toLocaleString('en');
  return [
    `- One socket of an agent: ${events} events per second, in batches of ${LONG_BATCH}, ${long.at_once} in flight.`,
    `- Start of the Worker: ${figure(percentile(startup_ms, 0.5))} ms of CPU (median of ${startup_ms.length}).`,
  ].join('\n');
}

/** A figure, its floor's figure, and the ratio of the two. */
export function againstFloor(measured: number, floor: number, ratio: number): string {
  return `${figure(measured)} / ${figure(floor)} = **${figure(ratio)}×**`;
}

/** Three digits of a small number, two of a very small one, and no fraction of a large one. */
export function figure(value: number): string {
  if (value < 0.1) return value.toPrecision(2);
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Facts about the machine, in words. */
export function machineFacts(machine: Machine): string[] {
  return [
    `${machine.cores} cores of ${machine.processor}, ${machine.memory_gib} GiB, ${machine.system}`,
    `workerd ${machine.workerd}, Node ${machine.node}`,
    `fdatasync of 4 KiB ${figure(machine.fdatasync_ms)} ms (median)`,
    `load average ${machine.load_before.toFixed(1)} before, ${machine.load_after.toFixed(1)} after`,
  ];
}

function machineLine({ machine, rounds, seconds }: Report): string {
  return [...machineFacts(machine), `${rounds} rounds in ${Math.round(seconds)} s.`].join('; ');
}

function timesTable(rows: readonly MeasuredRow[]): string {
  return table(
    ['operation', 'concurrency', 'n', 'p50, ms', 'p99, ms', 'per second', 'floor'],
    rows.map(({ operation, at_once, floor, measured, floor_measured, ratios }) => [
      operation,
      String(at_once),
      measured.count.toLocaleString('en'),
      ...(['p50_ms', 'p99_ms', 'per_second'] as const).map((member) =>
        againstFloor(measured[member], floor_measured[member], ratios[member]),
      ),
      floor,
    ]),
  );
}

function floorsList(): string {
  return Object.entries(FLOORS)
    .map(([name, what]) => `- *${name}*: ${what}.`)
    .join('\n');
}

/** The writes and the traffic of one session, as two tables. */
export function countsTables(counts: Counts): string {
  return [writesTable(counts), trafficTable(counts)].join('\n\n');
}

/** What waiting costs in a day, as a table. */
export function waitingTable(waits: readonly Waiting[]): string {
  const cell = ({ wakes, calls, rows, alarms }: Day) => [wakes, calls, rows, alarms].join(' / ');
  return table(
    ['wakes / calls / rows written / alarms set in a day', 'the first day', 'the eighth day'],
    waits.map(({ what, first, eighth }) => [what, cell(first), cell(eighth)]),
  );
}

function writesTable({ steps, whole }: Counts): string {
  const cell = ({ rows, statements, transactions, alarms }: Writes) =>
    statements === 0 ? '–' : [rows, statements, transactions, alarms].join(' / ');
  return table(
    ['rows written / statements / transactions / alarms set', 'session', 'agent registry', 'directory'],
    [...steps, { step: 'the whole session', writes: whole }].map(({ step, writes }) => [
      step,
      cell(writes.session),
      cell(writes.agent_registry),
      cell(writes.directory),
    ]),
  );
}

function trafficTable({ traffic }: Counts): string {
  const calls = Object.entries(traffic.calls).map(([between, count]) => [between, String(count)]);
  const frames = Object.entries(traffic.frames).map(([kind, { up, down }]) => [
    `frames of the ${SOCKETS[kind] ?? kind} socket, up + down`,
    `${up} + ${down}`,
  ]);
  return table(
    ['one session of 100 deltas, with a checkpoint and one watcher', 'count'],
    [...calls, ...frames, ['events in the log', String(traffic.events_in_log)]],
  );
}

/** Sockets by the first word of their tag. */
const SOCKETS: Readonly<Record<string, string>> = { agent: 'control', lease: 'run', watch: 'watch' };

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
