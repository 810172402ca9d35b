import { inexactIn } from '../../../src/protocol/common/exact-json.ts';
import { CliError, exitCode } from '../../command.ts';
import { readStandardInput } from '../../standard-input.ts';

/** The help text of commands that take a value. */
export const VALUES =
  'The value is JSON, or else a text. Put "--" before a value that begins with a dash. With "-", the value is read from standard input, without the newline that ends its last line.';

/**
 * The value of an argument: JSON, or else a text. What begins like JSON must be JSON, so that a mistake in it is no text.
 * @throws CliError also if a number would become another one
 */
export function parseValue(given: string, isText: boolean): unknown {
  if (isText) return given;
  if (given === '') throw new CliError('The value is empty. If it is an empty text, give --text.', exitCode.usage);
  try {
    const value = JSON.parse(given) as unknown;
    refuseInexact(given);
    return value;
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (!/^\s*[[{"]/.test(given)) return given;
    const reason = (error as Error).message;
    throw new CliError(
      `The value begins like JSON, but is none: ${reason}. Correct it, or give --text if it is a text.`,
      exitCode.usage,
    );
  }
}

/** Refuses what the server refuses, too: after `JSON.parse`, the server would get another value and take it. */
function refuseInexact(json: string): void {
  const inexact = inexactIn(json);
  if (inexact === null) return;
  const what = inexact.path === '' ? 'The value' : `"${inexact.path}"`;
  throw new CliError(`${what} ${inexact.message}. --text makes a text of the whole value.`, exitCode.usage);
}

/** The value of an argument, or of standard input in place of `-`. @throws CliError */
export async function readValue(given: string, isText: boolean): Promise<unknown> {
  if (given !== '-') return parseValue(given, isText);
  if (process.stdin.isTTY) process.stderr.write('Type the value, and end it with Ctrl-D on a new line.\n');
  return parseValue((await readStandardInput()).replace(/\r?\n$/, ''), isText);
}
