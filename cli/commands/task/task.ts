import type { Client } from '../../../src/client/client.ts';
import { decompositionText } from '../../../src/domain/session/decomposition-text.ts';
import { TaskId, taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import { DecompositionStrategy, MAX_SPLIT_DEPTH, SPLIT_DEPTH } from '../../../src/protocol/session/decomposition.ts';
import type { Task, TaskView } from '../../../src/protocol/session/task.ts';
import { CliError, defineCommand, defineGroup, exitCode, parseInteger, parseWord } from '../../command.ts';
import { renderTaskStatus } from '../../graph-lines.ts';
import { table } from '../../table.ts';
import { paint, printable, printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from '../session/common.ts';

const MAX_TASK = 0xffff_ffff;
const WHICH = `${connectionDetails}\nA task is named by its id, or by its session and its number, such as 0198c2f0/2.`;

/**
 * The id of a task, from the id, or from its session and its number.
 * @throws CliError unless exactly one session has such an id
 */
export async function findTask(client: Pick<Client, 'sessions'>, text: string): Promise<string> {
  const [session, number, ...rest] = text.split('/');
  if (session !== undefined && number !== undefined && rest.length === 0) {
    const id = await sessionIdOf(client, session);
    return taskIdOf(id, parseInteger('The number of the task', number, { min: 1, max: MAX_TASK }));
  }
  const id = TaskId().safeParse(text.toLowerCase());
  if (id.success) return id.data;
  throw new CliError(`"${text}" is no task. Give its id, or its session and its number: 0198c2f0/2.`, exitCode.usage);
}

const list = defineCommand({
  summary: 'List the tasks of a session',
  usage: ['task list <session>'],
  details: connectionDetails,
  arguments: { session: 'required' },
  options: jsonOption,
  async run({ values, args }) {
    const client = connect();
    const tasks = await client.tasks.list(await sessionIdOf(client, args.session));
    if (values.json) printJson(tasks);
    else printLines(table(tasks, COLUMNS));
    return exitCode.ok;
  },
});

const COLUMNS = [
  { title: 'task', text: ({ id }: TaskView) => `${taskNumber(id)}`, align: 'right' as const },
  {
    title: 'status',
    text: ({ status }: TaskView) => status,
    color: (_: string, row: TaskView) => renderTaskStatus(row.status),
  },
  { title: 'kind', text: ({ kind }: TaskView) => kind },
  { title: 'agent', text: ({ agent_name }: TaskView) => agent_name ?? '' },
  {
    title: 'after',
    text: ({ depends_on }: TaskView) => depends_on.map(({ task_id }) => taskNumber(task_id)).join(', '),
  },
  { title: 'title', text: ({ title }: TaskView) => title, isCut: true as const },
];

const show = defineCommand({
  summary: 'Show a task',
  usage: ['task show <task>'],
  details: WHICH,
  arguments: { task: 'required' },
  options: jsonOption,
  async run({ values, args }) {
    const client = connect();
    printTask(await client.tasks.get(await findTask(client, args.task)), values.json);
    return exitCode.ok;
  },
});

const retry = defineCommand({
  summary: 'Start an ended task again, with those that were skipped because of it',
  usage: ['task retry <task> [--with-dependents]'],
  details: WHICH,
  arguments: { task: 'required' },
  options: {
    'with-dependents': { type: 'boolean', default: false, description: 'Start all tasks after it again too' },
    ...jsonOption,
  },
  async run({ values, args }) {
    const client = connect();
    const id = await findTask(client, args.task);
    printTask(await client.tasks.retry(id, { with_dependents: values['with-dependents'] }), values.json);
    return exitCode.ok;
  },
});

const cancel = defineCommand({
  summary: 'End a task and its subtasks',
  usage: ['task cancel <task> [--reason "<text>"]'],
  details: WHICH,
  arguments: { task: 'required' },
  options: { reason: { type: 'string', placeholder: 'text', description: 'Why' }, ...jsonOption },
  async run({ values: { reason, json }, args }) {
    const client = connect();
    const id = await findTask(client, args.task);
    const body = { status: 'cancelled' as const, ...(reason !== undefined && { reason }) };
    printTask(await client.tasks.end(id, body), json);
    return exitCode.ok;
  },
});

const decompose = defineCommand({
  summary: 'Split a task into parts, by rules or by the plan of an agent',
  usage: ['task decompose <task> [--strategy <strategy>] [--max-depth <levels>] [--preview]'],
  details: WHICH,
  arguments: { task: 'required' },
  options: {
    strategy: {
      type: 'string',
      placeholder: 'strategy',
      description: `How: ${DecompositionStrategy().options.join(', ')} (auto)`,
    },
    'max-depth': {
      type: 'string',
      placeholder: 'levels',
      description: `How many levels of parts, 1 to ${MAX_SPLIT_DEPTH} (${SPLIT_DEPTH})`,
    },
    preview: { type: 'boolean', default: false, description: 'Only show the parts' },
    ...jsonOption,
  },
  async run({ values: { strategy, 'max-depth': depth, preview, json }, args }) {
    const client = connect();
    const id = await findTask(client, args.task);
    const split = await client.tasks.decompose(id, {
      preview,
      ...(strategy !== undefined && { strategy: parseWord('strategy', strategy, DecompositionStrategy().options) }),
      ...(depth !== undefined && { max_depth: parseInteger('--max-depth', depth, { min: 1, max: MAX_SPLIT_DEPTH }) }),
    });
    printTask(split, json);
    if (!json) printLines([...decompositionLines(split), ...partLines(split.subtasks ?? [], '  ')]);
    return exitCode.ok;
  },
});

export const task = defineGroup('task', 'List and change the tasks of a session', {
  list,
  show,
  retry,
  cancel,
  decompose,
});

function decompositionLines({ decomposition }: Task): string[] {
  return decomposition === null ? [] : [`  ${printable(decompositionText(decomposition))}`];
}

/** The parts of a task, and theirs, each a line. */
function partLines(parts: readonly Task[], indent: string): string[] {
  return parts.flatMap(({ id, title, estimated_hours, depends_on, subtasks = [] }) => {
    const hours = estimated_hours === null ? '' : `  ${Number(estimated_hours.toFixed(2))} h`;
    const after =
      depends_on.length === 0 ? '' : `  after ${depends_on.map(({ task_id }) => taskNumber(task_id)).join(', ')}`;
    return [`${indent}${taskNumber(id)}  ${printable(title)}${hours}${after}`, ...partLines(subtasks, `${indent}  `)];
  });
}

function printTask(view: Task, json: boolean): void {
  if (json) return printJson(view);
  const { id, status, title, agent_name, waiting_on, blocked_by, error, result } = view;
  const text = typeof result?.text === 'string' ? result.text.trim() : '';
  printLines([
    `${id}  ${renderTaskStatus(status)}  ${printable(title)}`,
    ...(agent_name === null ? [] : [`  agent ${printable(agent_name)}`]),
    ...(waiting_on.length === 0 ? [] : [`  waits for ${waiting_on.map(taskNumber).join(', ')}`]),
    ...(blocked_by === null ? [] : [`  ${printable(blocked_by.message)}`]),
    ...(error === null ? [] : [paint('red', `  ${printable(error.message)}`)]),
    ...(text === '' ? [] : text.split('\n').map((line) => `  ${printable(line)}`)),
  ]);
}
