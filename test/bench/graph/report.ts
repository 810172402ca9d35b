import type { Machine } from '../machine.ts';
import { figure, machineFacts, table } from '../report.ts';
import type { Makespans, MeasuredMakespans } from './makespan.ts';
import type { MergeTimes } from './merges.ts';
import type { RuleTimes } from './rules.ts';
import type { SessionTimes } from './session-steps.ts';
import type { StepsReport } from './steps.ts';
import { renderSteps } from './steps-report.ts';

/** What was measured. A part that was left out is absent. */
export interface GraphReport {
  machine: Machine;
  rules?: RuleTimes[];
  session?: SessionTimes[];
  makespans?: MeasuredMakespans;
  merges?: MergeTimes;
  steps?: StepsReport;
}

/** The report as Markdown. */
export function renderGraph({ machine, rules, session, makespans, merges, steps }: GraphReport): string {
  return [
    machineFacts(machine).join('; '),
    rules && rulesTable(rules),
    session && sessionTable(session),
    makespans && makespansTable(makespans),
    merges && mergesLine(merges),
    steps && renderSteps(steps),
  ]
    .filter((part) => part !== undefined)
    .join('\n\n');
}

function rulesTable(rules: readonly RuleTimes[]): string {
  return table(
    ['tasks', 'dependencies', 'build, ms', 'begin, ms', 'edit, ms', 'completion, µs', 'MiB'],
    rules.map(({ tasks, dependencies, build_ms, begin_ms, edit_ms, completion_us, mebibytes }) => [
      count(tasks),
      count(dependencies),
      ...[build_ms, begin_ms, edit_ms, completion_us].map(figure),
      mebibytes === null ? '–' : figure(mebibytes),
    ]),
  );
}

function sessionTable(session: readonly SessionTimes[]): string {
  const [few] = session;
  return table(
    [
      'tasks',
      'create, ms',
      'rows written',
      'longest row, bytes',
      'completion, ms',
      'to the first',
      'rows / statements',
    ],
    session.map(({ tasks, create_ms, create_rows, longest_row, completion_ms, rows, statements }) => [
      count(tasks),
      figure(create_ms),
      count(create_rows),
      count(longest_row),
      figure(completion_ms),
      `${figure(completion_ms / few!.completion_ms)}×`,
      `${figure(rows)} / ${figure(statements)}`,
    ]),
  );
}

function makespansTable({ all, by_density }: MeasuredMakespans): string {
  const row = (name: string, one: Makespans) => [
    name,
    `${one.graphs}`,
    figure(one.width),
    ...[one.to_bound, one.worst_to_bound, one.surprised_to_bound, one.fifo_to_bound].map(ratio),
    `${figure(100 * one.prediction_error)} %`,
  ];
  return table(
    ['dependencies of a task', 'graphs', 'width', 'to the bound', 'worst', 'surprised', 'FIFO', 'error of the finish'],
    [...by_density.map(({ density, makespans }) => row(`${density}`, makespans)), row('all', all)],
  );
}

function mergesLine({ branches, files, runnerSeconds, gitMergeSeconds, isSame }: MergeTimes): string {
  const same = isSame ? 'the same files' : '**other files**';
  return `- ${branches} branches of one base with ${count(files)} files, merged and checked: ${figure(runnerSeconds)} s; \`git merge\` one by one: ${figure(gitMergeSeconds)} s, with ${same}.`;
}

function ratio(value: number): string {
  return `${value.toFixed(3)}×`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}
