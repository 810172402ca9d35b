import type { Client } from '../../../src/client/client.ts';
import { counted } from '../../../src/domain/counted.ts';
import { placeText } from '../../../src/domain/dispatch/place-text.ts';
import { ago } from '../../../src/domain/relative-time.ts';
import { howItEnded } from '../../../src/domain/session/checks.ts';
import { spellCost } from '../../../src/domain/session/usage.ts';
import { SessionId } from '../../../src/protocol/common/ids.ts';
import type { CheckResult } from '../../../src/protocol/session/checks.ts';
import type { SessionView } from '../../../src/protocol/session/session.ts';
import type { TaskView } from '../../../src/protocol/session/task.ts';
import { approvalLines } from '../../approval-text.ts';
import { CliError, exitCode, oio } from '../../command.ts';
import { connectClient, findConnection } from '../../connection.ts';
import { renderStatus } from '../../render.ts';
import { paint, printable, printJson } from '../../terminal.ts';
import { deliveryLine } from './deliver-options.ts';

/** The option that prints a command's result as JSON, for programs. */
export const jsonOption = { json: { type: 'boolean', default: false, description: 'Print JSON' } } as const;

/** The help text of commands that connect to a control plane. */
export const connectionDetails =
  'Uses the control plane of the data directory (OIO_DATA_DIR), or OIO_URL with OIO_TOKEN.';

/** The most lines of a result that are shown. */
const RESULT_LINES = 20;
/** The most ids that an error names. */
const NAMED = 3;

/** A client for the control plane of the environment. */
export function connect(): Client {
  // If the reader closes the pipe, as `head` does, the command ends.
  process.stdout.on('error', () => process.exit(exitCode.ok));
  return connectClient(findConnection(process.env));
}

/**
 * The id of a session, from the id or from its first characters.
 * @throws CliError unless exactly one session has an id that begins so
 */
export async function sessionIdOf(client: Pick<Client, 'sessions'>, text: string): Promise<string> {
  const id = text.toLowerCase();
  if (SessionId().safeParse(id).success) return id;
  if (/^[0-9a-f-]{1,3}$/.test(id)) {
    throw new CliError(`"${text}" is too short. Give at least the first 4 characters of the id.`, exitCode.usage);
  }
  if (!/^[0-9a-f-]{4,35}$/.test(id)) {
    throw new CliError(`"${text}" is not the id of a session. "${oio} session list" shows the ids.`, exitCode.usage);
  }
  const found: string[] = [];
  for await (const session of client.sessions.each({ q: id })) {
    if (session.id.startsWith(id)) found.push(session.id);
    if (found.length === NAMED) break;
  }
  const [first, ...others] = found;
  if (first === undefined) throw new CliError(`No session has an id that begins with ${id}.`);
  if (others.length === 0) return first;
  throw new CliError(`Several sessions have an id that begins with ${id}. Give more characters: ${found.join(', ')}…`);
}

export function printSession(view: SessionView, json: boolean): void {
  if (json) return printJson(view);
  printLines([`${view.id}  ${renderStatus(view.status)}  ${printable(view.title)}`]);
  if (view.requested_action) {
    printLines([`  ${view.requested_action} requested; the agent finishes its current step first`]);
  }
  const agents = new Set(view.tasks?.flatMap(({ agent_name }) => agent_name ?? []));
  if (agents.size > 0) printLines([`  agent ${[...agents].join(', ')}, created ${ago(view.created_at, Date.now())}`]);
  if (view.queue)
    printLines([`  waits: ${printable([view.queue.message, placeText(view.queue)].filter(Boolean).join(' '))}`]);
  if (view.error) printLines([`  ${printable(view.error.message)}`]);
  printLines(resultLines(view));
  printLines(checkLines(view));
  for (const { agent_name, message } of view.tasks?.flatMap(({ refusals = [] }) => refusals) ?? []) {
    printLines([printable(`  waits for another agent: ${agent_name} refused: ${message}`)]);
  }
  for (const { title, blocked_by } of view.tasks ?? []) {
    if (blocked_by) printLines([printable(`  blocked: ${title}. ${blocked_by.message}`)]);
  }
  for (const line of riskLines(view.tasks ?? [])) printLines([printable(line)]);
  for (const { last_assignment } of view.tasks ?? []) {
    if (!last_assignment?.rating) continue;
    const { quality, comment } = last_assignment.rating;
    printLines([printable(`  rated ${quality}${comment === null ? '' : `: ${comment}`}`)]);
  }
  if (view.delivery) printLines([`  ${printable(deliveryLine(view.delivery))}`]);
  for (const approval of view.approvals ?? []) {
    if (approval.status !== 'open') continue;
    const [first, ...more] = approvalLines(view.id, approval);
    printLines([`  ${paint('magenta', '?')} ${first}`, ...more.map((line) => `  ${line}`)]);
  }
  for (const { destination, waiting, parked, last_error } of view.deliveries ?? []) {
    const why = last_error === null ? '' : `: ${last_error}`;
    if (parked > 0) printLines([printable(`  ${parked} not delivered to ${destination}${why}`)]);
    else printLines([`  ${counted(waiting, 'update')} not yet delivered to ${destination}`]);
  }
  if (view.context) printLines([`  ${contextLine(view.context)}`]);
  if (view.usage) {
    const { input_tokens, output_tokens } = view.usage;
    const cost = spellCost(view.usage, (dollars) => `$${dollars.toFixed(4)}`);
    printLines([`  ${input_tokens} tokens in, ${output_tokens} out, ${cost}`]);
  }
}

function contextLine({ keys, version, open_conflicts }: NonNullable<SessionView['context']>): string {
  const conflicts = open_conflicts === 0 ? '' : `, ${counted(open_conflicts, 'open conflict')}`;
  return `shared context: ${counted(keys, 'value')}, version ${version}${conflicts}`;
}

/** The files that several tasks edit at the same time, each pair of tasks once. */
function riskLines(tasks: readonly TaskView[]): string[] {
  const titleOf = new Map(tasks.map(({ id, title }) => [id, title]));
  return tasks.flatMap(({ id, title, conflict_risk }) =>
    conflict_risk
      .filter(({ with_task_id }) => id < with_task_id)
      .map(({ path, with_task_id }) => `  ${path} is changed by ${title} and by ${titleOf.get(with_task_id)}`),
  );
}

/** The beginning of the result's text. */
function resultLines({ result }: SessionView): string[] {
  const text = typeof result?.text === 'string' ? result.text.trim() : '';
  if (text === '') return [];
  const lines = text.split('\n');
  const shown = lines.slice(0, RESULT_LINES).map((line) => `  ${printable(line)}`);
  return lines.length > RESULT_LINES
    ? [...shown, paint('dim', `  and ${lines.length - RESULT_LINES} more lines`)]
    : shown;
}

/** How the checks of the result ended; before one, which checks there are. */
function checkLines({ result, checks }: SessionView): string[] {
  const ended = (result?.checks ?? null) as CheckResult[] | null;
  if (ended === null) return checks.map(({ command }) => `  ${paint('dim', '·')} check ${printable(command)}`);
  return ended.map((check) => {
    const passed = check.outcome === 'passed';
    const sign = passed ? paint('green', '✓') : paint('red', '✗');
    return `  ${sign} check ${printable(check.command)}${passed ? '' : ` ${paint('dim', howItEnded(check))}`}`;
  });
}

/** Prints the command that the user is likely to need next. */
export function hint(next: string): void {
  printLines([paint('dim', `· ${oio} ${next}`)]);
}

export function printLines(lines: string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
