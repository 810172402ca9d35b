/**
 * Measures graphs of tasks: `npm run bench:graph`. Times of rules and sessions are of the CPU of this process, because
 * nothing waits for a disk. `--json` prints the report as JSON; `--only makespans` (`rules`, `session`, `merges`,
 * `steps`) measures a part.
 */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { describeMachine, loadOfLastMinute } from '../machine.ts';
import { measureMakespans } from './makespan.ts';
import { timeMerges } from './merges.ts';
import { type GraphReport, renderGraph } from './report.ts';
import { measureRules } from './rules.ts';
import { measureSessions } from './session-steps.ts';
import { measureSteps } from './steps.ts';

const PARTS = ['rules', 'session', 'makespans', 'merges', 'steps'] as const;
const FEW = 100;
/** With the session's own task, a session has as many tasks as it may have. */
const MANY = 9_999;

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

const report: GraphReport = { machine: describeMachine(tmpdir()) };
if (wanted('rules')) report.rules = [measureRules(FEW), measureRules(MANY)];
if (wanted('session')) report.session = await measureSessions([FEW, MANY]);
if (wanted('makespans')) report.makespans = measureMakespans();
if (wanted('merges')) report.merges = await timeMerges();
if (wanted('steps')) report.steps = await measureSteps();
report.machine.load_after = loadOfLastMinute();
process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : renderGraph(report)}\n`);
