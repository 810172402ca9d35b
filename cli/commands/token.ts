import { ago, until } from '../../src/domain/relative-time.ts';
import { Role } from '../../src/protocol/common/enums.ts';
import type { TokenView } from '../../src/protocol/workspace/token.ts';
import { CliError, defineCommand, exitCode, oio, withSubcommands } from '../command.ts';
import { connectClient, findConnection, signInLink } from '../connection.ts';
import { parseDuration } from '../duration.ts';
import { type Column, shownId, table } from '../table.ts';
import { printable, printJson, say } from '../terminal.ts';
import { connect, jsonOption, printLines } from './session/common.ts';

const details = 'Needs an admin token: the one in the data directory (OIO_DATA_DIR), or OIO_TOKEN with OIO_URL.';

const create = defineCommand({
  summary: 'Create a sign-in link for the dashboard, or a token for a program',
  usage: [
    'token [--json]',
    'token --role <role> --name <name> [--expires <duration>] [--json]',
    'token list [--json]',
    'token revoke <id>',
  ],
  details,
  options: {
    role: {
      type: 'string',
      placeholder: 'role',
      description: `Create a token with a role: ${Role().options.join(', ')}`,
    },
    name: { type: 'string', placeholder: 'name', description: 'What the token is for' },
    expires: { type: 'string', placeholder: 'duration', description: 'How long the token is valid, such as 12h (30d)' },
    ...jsonOption,
  },
  async run({ values }) {
    if (values.role === undefined && (values.name !== undefined || values.expires !== undefined)) {
      throw new CliError(
        `--name and --expires are for tokens. Add --role with one of ${Role().options.join(', ')}.`,
        exitCode.usage,
      );
    }
    if (values.role === undefined) {
      const connection = findConnection(process.env);
      const { code, expires_at } = await connectClient(connection).codes.create();
      const url = signInLink(`${connection.url}/`, code);
      if (values.json) printJson({ url, expires_at });
      else say('open', `${url}\nValid for one sign-in until ${expires_at}.`);
      return exitCode.ok;
    }
    const role = Role().safeParse(values.role);
    if (!role.success) {
      throw new CliError(`--role must be one of ${Role().options.join(', ')}, not "${values.role}".`, exitCode.usage);
    }
    if (!values.name) throw new CliError('Set --name to the purpose of the token, such as --name ci.', exitCode.usage);
    const made = await connectClient(findConnection(process.env)).tokens.create({
      name: values.name,
      role: role.data,
      ...(values.expires === undefined ? {} : { expires_in_seconds: parseDuration('--expires', values.expires) }),
    });
    if (values.json) printJson(made);
    // Only the token goes to standard output, so that it can be piped. It is never shown again.
    else {
      process.stdout.write(`${made.token}\n`);
      process.stderr.write(`${made.role} token "${made.name}", valid until ${made.expires_at}; id ${made.id}\n`);
    }
    return exitCode.ok;
  },
});

const list = defineCommand({
  summary: 'List the tokens that have not expired, without their secrets',
  usage: ['token list [--json]'],
  details,
  options: jsonOption,
  async run({ values }) {
    const tokens = await connect().tokens.list();
    if (values.json) printJson(tokens);
    else if (tokens.length === 0) printLines(['There are no tokens.']);
    else printLines(table(tokens, columns(Date.now())));
    return exitCode.ok;
  },
});

/** @param now ms since the epoch */
function columns(now: number): Column<TokenView>[] {
  return [
    { title: 'id', text: ({ id }) => shownId(id) },
    { title: 'role', text: ({ role }) => role },
    { title: 'created', text: ({ created_at }) => ago(created_at, now) },
    { title: 'by', text: ({ created_by }) => (created_by === null ? '' : shownId(created_by)) },
    { title: 'used', text: ({ last_used_at }) => (last_used_at === null ? 'never' : ago(last_used_at, now)) },
    {
      title: 'expires',
      text: ({ revoked_at, expires_at }) =>
        revoked_at === null ? until(expires_at, now) : `revoked ${ago(revoked_at, now)}`,
    },
    { title: 'name', text: ({ name }) => name, isCut: true },
  ];
}

const revoke = defineCommand({
  summary: 'Revoke a token and all that it has made, and close their sockets; takes effect within 30 seconds',
  usage: ['token revoke <id>'],
  details: `${details} The first 4 characters of an id are enough if they are unique.`,
  arguments: { id: 'required' },
  options: {},
  async run({ args }) {
    const client = connect();
    const tokens = await client.tokens.list();
    const { id, name, role } = findToken(tokens, args.id.toLowerCase());
    await client.tokens.revoke(id);
    const others = madeBy(id, tokens).filter(({ revoked_at }) => revoked_at === null);
    const made = others.map((each) => `and the ${each.role} token "${each.name}", which it made`);
    printLines([`revoked the ${role} token "${name}"`, ...made].map(printable));
    return exitCode.ok;
  },
});

/** The tokens that a token has made, and those that they have made. */
function madeBy(id: string, tokens: readonly TokenView[]): TokenView[] {
  const made = tokens.filter(({ created_by }) => created_by === id);
  return made.flatMap((each) => [each, ...madeBy(each.id, tokens)]);
}

/** Finds a valid token by the first characters of its id. @throws CliError unless exactly one matches */
function findToken(tokens: readonly TokenView[], text: string): TokenView {
  if (text.length < 4)
    throw new CliError(`"${text}" is too short. Give at least 4 characters of the id.`, exitCode.usage);
  const found = tokens.filter(({ id, revoked_at }) => revoked_at === null && id.startsWith(text));
  const [first, ...others] = found;
  if (first === undefined) {
    throw new CliError(`No valid token has an id that begins with "${text}". "${oio} token list" shows the ids.`);
  }
  if (others.length === 0) return first;
  throw new CliError(`${found.length} tokens have an id that begins with "${text}". Give more characters.`);
}

/** `oio token` creates a link or a token. `oio token list` and `oio token revoke` manage existing tokens. */
export const token = withSubcommands('token', create, { list, revoke });
