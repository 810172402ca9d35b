/**
 * Measures contexts: `npm run bench:context`. Calls on the control plane with Redis and Postgres, beside floors of the
 * same run; merges, in CPU time of this process; and rows, which are counted. `--json` prints the report as JSON;
 * `--only rows` (`tiers`, `merges`) measures a part.
 */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { buildIfStale } from '../../../cli/launcher/build.ts';
import { describeMachine, loadOfLastMinute } from '../machine.ts';
import { measureMerges } from './merges.ts';
import { type ContextReport, renderContexts } from './report.ts';
import { countWrites } from './rows.ts';
import { measureTiers } from './tiers.ts';

const PARTS = ['tiers', 'merges', 'rows'] as const;
const SIZES = [1_000, 2_000, 5_000, 10_000];

// The log lines of the objects in this process are not part of the report.
console.log = console.error;
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [...PARTS] },
  },
});
const wanted = (part: (typeof PARTS)[number]): boolean => {
  if (values.only.includes(part)) console.error(`${part} …`);
  return values.only.includes(part);
};

await buildIfStale(() => console.error('building …'));
const report: ContextReport = { machine: describeMachine(tmpdir()) };
if (wanted('tiers')) report.tiers = await measureTiers();
if (wanted('merges')) report.merges = measureMerges(SIZES);
if (wanted('rows')) report.rows = await countWrites();
report.machine.load_after = loadOfLastMinute();
process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : renderContexts(report)}\n`);
