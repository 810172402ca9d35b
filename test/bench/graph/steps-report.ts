import { figure, table } from '../report.ts';
import type { Summary } from '../statistics.ts';
import { STEPS, type StepsReport, type StepTimes } from './steps.ts';

/** The report as Markdown. */
export function renderSteps({ times, offers_per_chain, skipped }: StepsReport): string {
  const rows = times.map(({ name, workers, chain, step }) => [
    name,
    String(workers),
    ...cells(chain),
    `${figure(chain.p50_ms / floorOf(times, workers).chain.p50_ms)}×`,
    ...cells(step),
  ]);
  const head = ['who', 'in flight', 'chain p50 / p99, ms', 'chains per second', 'p50 to the floor'];
  return [
    table([...head, 'step p50 / p99, ms', 'steps per second'], rows),
    `Offers for each of our chains: ${figure(offers_per_chain)}.`,
    Object.entries(STEPS)
      .map(([name, what]) => `- *${name}*: ${what}.`)
      .join('\n'),
    ...skipped.map((why) => `Not measured: ${why}.`),
  ].join('\n\n');
}

function cells({ p50_ms, p99_ms, per_second }: Summary): string[] {
  return [`${figure(p50_ms)} / ${figure(p99_ms)}`, figure(per_second)];
}

function floorOf(times: readonly StepTimes[], workers: number): StepTimes {
  return times.find((each) => each.name === 'floor' && each.workers === workers)!;
}
