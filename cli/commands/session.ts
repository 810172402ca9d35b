import type { Client } from '../../src/client/client.ts';
import { SessionAction, SessionStatus } from '../../src/protocol/common/enums.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { CliError, defineCommand, exitCode, oio } from '../command.ts';
import { connectClient, findConnection } from '../connection.ts';
import { renderDiff, renderStatus, SessionRenderer } from '../render.ts';
import { paint, printable, printJson } from '../terminal.ts';
import { followSession } from '../watch.ts';

/** Actions that need no body. `complete` and `fail` are for external executors, which use the API. */
const actions = SessionAction().options.filter((action) => action !== 'complete' && action !== 'fail');

export const session = defineCommand({
  summary: 'Create, list, watch and steer sessions',
  usage: [
    'session create "<prompt>" [--title <title>] [--tag <tag>]… [--no-start] [--watch]',
    'session list [--status <status>]… [--tag <tag>]',
    'session watch <id>',
    'session show <id>',
    'session diff <id> [--patch]',
    'session send <id> "<text>"',
    `session ${actions.join('|')} <id>`,
  ],
  details: `Uses the control plane of the data directory (OIO_DATA_DIR), or OIO_URL with OIO_TOKEN.
watch and create --watch exit with 0 only if the session completes. With --json, watch prints one event per line.`,
  options: {
    title: { type: 'string', placeholder: 'title', description: "Title of the new session (the prompt's first line)" },
    tag: {
      type: 'string',
      multiple: true,
      placeholder: 'tag',
      description: 'Tag of the new session; a filter for list',
    },
    status: { type: 'string', multiple: true, placeholder: 'status', description: 'List only sessions in this status' },
    'no-start': { type: 'boolean', default: false, description: 'Create the session without starting it' },
    watch: { type: 'boolean', default: false, description: 'Watch the new session until it ends' },
    patch: { type: 'boolean', default: false, description: 'Print only the patch, for "git apply"' },
    json: { type: 'boolean', default: false, description: 'Print JSON' },
  },
  async run({ values, positionals: [verb = '', ...rest] }) {
    const perform = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
    if (!perform) {
      const problem = verb ? `Unknown subcommand "${verb}".` : 'The subcommand is missing.';
      const known = Object.keys(verbs).join(', ');
      throw new CliError(`${problem} The subcommands of session are: ${known}.`, exitCode.usage);
    }
    // If the reader closes the pipe, as `head` does, the command ends.
    process.stdout.on('error', () => process.exit(exitCode.ok));
    const connect = () => connectClient(findConnection(process.env));
    return (await perform({ connect, rest, ...values })) ?? exitCode.ok;
  },
});

interface VerbContext {
  /** Finds the control plane. Verbs check their arguments first. */
  connect(): Client;
  /** The arguments after the verb. */
  rest: string[];
  json: boolean;
  title?: string | undefined;
  tag?: string[] | undefined;
  status?: string[] | undefined;
  'no-start': boolean;
  watch: boolean;
  patch: boolean;
}

/** Runs one verb. Resolves with the exit code, or undefined for 0. */
type Verb = (context: VerbContext) => Promise<number | undefined>;

const verbs: Readonly<Record<string, Verb>> = {
  ...Object.fromEntries(actions.map((action): [string, Verb] => [action, (context) => act(context, action)])),
  create,
  list,
  watch({ connect, rest, json }) {
    const id = argument(rest, 'id');
    return watch(connect(), id, json);
  },
  async show({ connect, rest, json }) {
    const id = argument(rest, 'id');
    print(await connect().sessions.get(id, ['tasks', 'approvals', 'usage']), json);
    return undefined;
  },
  async diff({ connect, rest, json, patch }) {
    const id = argument(rest, 'id');
    const diff = await connect().sessions.diff(id);
    if (json) printJson(diff);
    else if (patch) process.stdout.write(diff.patch);
    else printLines(renderDiff(diff));
    return undefined;
  },
  async send({ connect, rest: [first, ...words], json }) {
    const id = argument(first === undefined ? [] : [first], 'id');
    const text = argument(words, 'text');
    const accepted = await connect().sessions.send(id, { text });
    if (json) printJson(accepted);
    else printLines([`message ${accepted.number} (${accepted.delivery})`]);
    return undefined;
  },
};

async function act({ connect, rest, json }: VerbContext, action: (typeof actions)[number]): Promise<undefined> {
  const id = argument(rest, 'id');
  print(await connect().sessions.act(id, action), json);
}

async function create(context: VerbContext): Promise<number | undefined> {
  const { rest, json, title, tag = [] } = context;
  const prompt = argument(rest, 'prompt');
  const client = context.connect();
  const created = await client.sessions.create({ title: title ?? titleOf(prompt), initial_prompt: prompt, tags: tag });
  const started = context['no-start'] ? created : await client.sessions.act(created.id, 'start');
  if (context.watch) {
    const code = await watch(client, created.id, json);
    if (!json) hint(`session diff ${created.id}`);
    return code;
  }
  print(started, json);
  if (!json) hint(`session ${context['no-start'] ? 'start' : 'watch'} ${created.id}`);
  return undefined;
}

function argument(rest: string[], name: string): string {
  const [value, ...more] = rest;
  if (!value) throw new CliError(`The ${name} is missing. See "${oio} session --help".`, exitCode.usage);
  if (more.length > 0) throw new CliError(`Quote the ${name}: "${rest.join(' ')}".`, exitCode.usage);
  return value;
}

function parseStatus(text: string): SessionStatus {
  const status = SessionStatus().safeParse(text);
  if (status.success) return status.data;
  throw new CliError(`--status must be one of ${SessionStatus().options.join(', ')}, not "${text}".`, exitCode.usage);
}

/** A title within the API's bounds (3–100 characters), from a prompt's first line. */
export function titleOf(prompt: string): string {
  const line = prompt.trim().split('\n')[0]?.trim() ?? '';
  return (line.length > 100 ? `${line.slice(0, 99)}…` : line).padEnd(3, '.');
}

async function watch(client: Client, id: string, json: boolean): Promise<number> {
  const renderer = new SessionRenderer();
  const status = await followSession(client, id, {
    onEvent: (event) => printLines(json ? [JSON.stringify(event)] : renderer.render(event)),
  });
  return status === 'completed' ? exitCode.ok : exitCode.failed;
}

async function list({ connect, json, tag: [tag] = [], status = [] }: VerbContext): Promise<undefined> {
  const filter = { status: status.map(parseStatus), ...(tag === undefined ? {} : { tag }) };
  const page = await connect().sessions.list({ ...filter, page_size: 100 });
  if (json) {
    printJson(page);
    return;
  }
  const width = Math.max(0, ...page.items.map((item) => item.status.length));
  printLines(
    page.items.map((item) => {
      const padding = ' '.repeat(width - item.status.length);
      return `${item.id}  ${renderStatus(item.status)}${padding}  ${printable(item.title)}`;
    }),
  );
  const more = page.total - page.items.length;
  if (page.total === 0) printLines([`There are no sessions. Create one: ${oio} session create "<prompt>"`]);
  if (more > 0) printLines([paint('dim', `and ${more} more`)]);
}

function print(view: SessionView, json: boolean): void {
  if (json) {
    printJson(view);
    return;
  }
  printLines([`${view.id}  ${renderStatus(view.status)}  ${printable(view.title)}`]);
  if (view.error) printLines([`  ${printable(view.error.message)}`]);
  for (const approval of view.approvals ?? []) {
    if (approval.status === 'open') printLines([`  waiting for an approval: ${printable(approval.title)}`]);
  }
  if (view.usage) {
    const { input_tokens, output_tokens, cost_usd } = view.usage;
    printLines([`  ${input_tokens} tokens in, ${output_tokens} out, $${cost_usd.toFixed(4)}`]);
  }
}

/** Prints the command that the user is likely to need next. */
function hint(next: string): void {
  printLines([paint('dim', `· ${oio} ${next}`)]);
}

function printLines(lines: string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
