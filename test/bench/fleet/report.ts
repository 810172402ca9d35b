import type { Machine } from '../machine.ts';
import { figure, machineFacts, table } from '../report.ts';
import type { Summary } from '../statistics.ts';
import { DECISIONS, type Decisions } from './decisions.ts';
import type { FleetUse, HttpFleet } from './heartbeats.ts';
import type { Starts } from './starts.ts';

/** What was measured. */
export interface FleetReport {
  machine: Machine;
  decisions?: Decisions;
  starts?: Starts & { handed_on: Summary };
  http?: HttpFleet;
  sockets?: FleetUse;
}

export function renderFleet({ machine, decisions, starts, http, sockets }: FleetReport): string {
  const names = Object.entries(DECISIONS).map(([name, what]) => `- *${name}*: ${what}.`);
  return [
    `${machineFacts(machine).join('; ')}.`,
    ...(decisions ? [decisionsTable(decisions), names.join('\n')] : []),
    ...(starts ? [startsTable(starts)] : []),
    ...(http || sockets ? [fleetTable(http, sockets)] : []),
  ].join('\n\n');
}

function decisionsTable({ bare, decisions }: Decisions): string {
  const rows = decisions.map(({ name, agents, waiting, measured, counts }) => {
    const few = decisions.find((each) => each.name === name && each.waiting === waiting)!;
    return [
      name,
      agents.toLocaleString('en'),
      waiting.toLocaleString('en'),
      micro(measured.p50_ms),
      micro(measured.p99_ms),
      `${figure(measured.p50_ms / few.measured.p50_ms)}×`,
      `${figure(measured.p50_ms / bare.p50_ms)}×`,
      counts === null ? '–' : `${figure(counts.rows)} / ${figure(counts.statements)}`,
    ];
  });
  const head = [
    'what',
    'agents',
    'waiting',
    'p50, µs',
    'p99, µs',
    'to 100 agents',
    'to a bare write',
    'rows / statements',
  ];
  return table(head, [...rows, ['a bare write', '–', '–', micro(bare.p50_ms), micro(bare.p99_ms), '–', '1×', '1 / 1']]);
}

function startsTable({ handed_on, offer, sessions }: Starts & { handed_on: Summary }): string {
  const cells = (what: string, { count, p50_ms, p99_ms, per_second }: Summary) => [
    what,
    String(count),
    ...[p50_ms, p99_ms, per_second].map(figure),
    `${figure(p50_ms / handed_on.p50_ms)}×`,
  ];
  return table(
    ['what', 'n', 'p50, ms', 'p99, ms', 'per second', 'p50 to the floor'],
    [
      ...offer.map(({ waiting, measured }) =>
        cells(`start → offer received, ${waiting.toLocaleString('en')} waiting`, measured),
      ),
      cells('start → final, 16 at once, agents that finish at once', sessions),
      cells('the floor: handed on', handed_on),
    ],
  );
}

function fleetTable(http: HttpFleet | undefined, sockets: FleetUse | undefined): string {
  const use = ({ agents, cpu, memory_mib, empty_mib }: FleetUse) => [
    agents.toLocaleString('en'),
    `${figure(cpu * 100)} %`,
    `${Math.round(memory_mib)}, ${Math.round(empty_mib)} before`,
  ];
  const times = http && `${figure(http.heartbeat.p50_ms)} / ${figure(http.heartbeat.p99_ms)}`;
  return table(
    ['fleet', 'agents', 'CPU, of one core', 'memory of workerd, MiB', 'heartbeat p50 / p99, ms'],
    [
      ...(http ? [['a heartbeat each 60 s over HTTP', ...use(http), times!]] : []),
      ...(sockets ? [['a socket with a ping each 15 s', ...use(sockets), '–']] : []),
    ],
  );
}

function micro(ms: number): string {
  return figure(ms * 1_000);
}
