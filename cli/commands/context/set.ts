import { ApiError } from '../../../src/client/errors.ts';
import { SECRET_MASK } from '../../../src/protocol/context/visible.ts';
import { CliError, defineCommand, exitCode, oio } from '../../command.ts';
import { short } from '../../context-lines.ts';
import { paint, printable, printJson } from '../../terminal.ts';
import { connect, jsonOption, printLines } from '../session/common.ts';
import { contextRefOf, explained, PATHS, WHICH } from './common.ts';
import { versionOf } from './get.ts';
import { readValue, VALUES } from './value.ts';

/** A longer value is not repeated in the command that an error suggests. */
const REPEATED_CHARS = 200;

export const set = defineCommand({
  summary: 'Set one place of a context, or make the context by its first write',
  usage: [
    'context set <context> <path> <value> [--text] [--secret] [--expected-version <version>]',
    'context set <context> <path> - < <file>',
  ],
  details: [
    WHICH,
    PATHS,
    VALUES,
    'With --expected-version, nothing is written if somebody has changed the place since that version.',
  ].join('\n'),
  arguments: { context: 'required', path: 'required', value: 'may_be_empty' },
  options: {
    text: { type: 'boolean', default: false, description: 'The value is a text, also if it looks like JSON' },
    secret: {
      type: 'boolean',
      default: false,
      description: 'Mark the place as secret, for ever. Read the value from standard input, so that no shell keeps it',
    },
    'expected-version': {
      type: 'string',
      placeholder: 'version',
      description: 'The version of the context that you have seen',
    },
    ...jsonOption,
  },
  async run({ values: { text, secret, 'expected-version': expected, json }, args: { context, path, value: given } }) {
    const value = await readValue(given, text);
    const expected_version = versionOf('--expected-version', expected);
    const client = connect();
    const ref = await contextRefOf(client, context);
    const body = { value, ...(secret && { secret }), ...(expected_version !== undefined && { expected_version }) };
    const again = retryCommand(ref, path, secret ? '-' : given, text, secret);
    const written = await explained(ref, client.contexts.putKey(ref, path, body)).catch((error) => {
      throw conflictOf(error, expected_version, again) ?? error;
    });
    if (json) printJson(written);
    else {
      const how = paint('dim', `version ${written.version}`);
      const shown = secret ? SECRET_MASK : short(written.value);
      printLines([`${paint('bold', ref)}  ${how}  ${printable(written.path)}  ${shown}`]);
    }
    return exitCode.ok;
  },
});

/** What a conflict has: `current` of the error. */
interface ConflictDetails {
  version: number;
  keys?: { path: string; current?: unknown; yours?: unknown }[];
}

/** The error for a place that others have changed: both values, and the command that writes one's own. */
function conflictOf(error: unknown, seen: number | undefined, again: string): CliError | null {
  if (!(error instanceof ApiError) || error.code !== 'context_conflict') return null;
  const { version, keys = [] } = error.problem.current as ConflictDetails;
  return new CliError(
    [
      `Others have changed it since version ${seen}. The context has version ${version} now.`,
      ...keys.flatMap(({ path, current, yours }) => [
        `  ${printable(path)}`,
        `    theirs: ${short(current)}`,
        `    yours:  ${short(yours)}`,
      ]),
      'To keep theirs, do nothing. To write yours over it:',
      `  ${again} --expected-version ${version}`,
    ].join('\n'),
  );
}

/** The command that writes the value again. Standard input and a long value are the same again. */
function retryCommand(ref: string, path: string, given: string, isText: boolean, isSecret: boolean): string {
  const value = given.length > REPEATED_CHARS ? '<the same value>' : quoted(given);
  return `${oio} context set ${ref} ${quoted(path)} ${isSecret ? '--secret ' : ''}${isText ? '--text ' : ''}${value}`;
}

/** A word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
