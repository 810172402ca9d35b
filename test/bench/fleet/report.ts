import type { Machine } from '../machine.ts';
import { figure, machineFacts, table } from '../report.ts';
import type { Summary } from '../statistics.ts';
import { DECISIONS, type Decision } from './decisions.ts';
import type { FleetUse, HttpFleet } from './heartbeats.ts';
import type { Starts } from './starts.ts';

export interface FleetReport {
  machine: Machine;
  /** One inserted row in one transaction, in the same process. */
  bare: Summary;
  decisions: Decision[];
  handed_on: Summary;
  starts: Starts;
  http: HttpFleet;
  sockets: FleetUse;
}

export function renderFleet(report: FleetReport): string {
  return [
    `${machineFacts(report.machine).join('; ')}.`,
    decisionsTable(report),
    Object.entries(DECISIONS)
      .map(([name, what]) => `- *${name}*: ${what}.`)
      .join('\n'),
    startsTable(report),
    fleetTable(report),
  ].join('\n\n');
}

function decisionsTable({ bare, decisions }: FleetReport): string {
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

function startsTable({ handed_on, starts }: FleetReport): string {
  const cells = (what: string, { count, p50_ms, p99_ms, per_second }: Summary) => [
    what,
    String(count),
    ...[p50_ms, p99_ms, per_second].map(figure),
    `${figure(p50_ms / handed_on.p50_ms)}×`,
  ];
  return table(
    ['what', 'n', 'p50, ms', 'p99, ms', 'per second', 'p50 to the floor'],
    [
      ...starts.offer.map(({ waiting, measured }) =>
        cells(`start → offer received, ${waiting.toLocaleString('en')} waiting`, measured),
      ),
      cells('start → final, 16 at once, agents that finish at once', starts.sessions),
      cells('the floor: handed on', handed_on),
    ],
  );
}

function fleetTable({ http, sockets }: FleetReport): string {
  const use = ({ agents, cpu, memory_mib, empty_mib }: FleetUse) => [
    agents.toLocaleString('en'),
    `${figure(cpu * 100)} %`,
    `${Math.round(memory_mib)}, ${Math.round(empty_mib)} before`,
  ];
  const { p50_ms, p99_ms } = http.heartbeat;
  return table(
    ['fleet', 'agents', 'CPU, of one core', 'memory of workerd, MiB', 'heartbeat p50 / p99, ms'],
    [
      ['a heartbeat each 60 s over HTTP', ...use(http), `${figure(p50_ms)} / ${figure(p99_ms)}`],
      ['a socket with a ping each 15 s', ...use(sockets), '–'],
    ],
  );
}

function micro(ms: number): string {
  return figure(ms * 1_000);
}
