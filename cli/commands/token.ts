import { Role } from '../../src/protocol/common/enums.ts';
import { CliError, defineCommand, exitCode } from '../command.ts';
import { connectClient, findConnection, signInLink } from '../connection.ts';
import { parseDuration } from '../duration.ts';
import { printJson, say } from '../terminal.ts';
import { jsonOption } from './session/common.ts';

export const token = defineCommand({
  summary: 'Create a sign-in link for the dashboard, or a token for a program',
  usage: ['token [--json]', 'token --role <role> --name <name> [--expires <duration>] [--json]'],
  details: 'Needs an admin token: that of the data directory (OIO_DATA_DIR), or OIO_TOKEN with OIO_URL.',
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
      throw new CliError(`Set --role to one of ${Role().options.join(', ')}, for a token.`, exitCode.usage);
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
