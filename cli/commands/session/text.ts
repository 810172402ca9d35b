import { CliError, exitCode } from '../../command.ts';
import { readOptionFile } from '../../option-file.ts';
import { readStandardInput } from '../../standard-input.ts';

/** The option of commands that take a text. A file can hold a text that is too long for a command line. */
export const textOptions = {
  file: { type: 'string', placeholder: 'path', description: 'Read the text from a file; "-" is standard input' },
} as const;

/**
 * The text of an argument, of a file, or of standard input.
 * @param name the noun for the text in errors
 * @throws CliError unless there is exactly one source, and its text is not empty
 */
export async function readText(name: string, argument: string | undefined, file: string | undefined): Promise<string> {
  if ((argument === undefined) === (file === undefined)) {
    throw new CliError(`Give the ${name} as one argument, or with --file <path>, but not both.`, exitCode.usage);
  }
  const text = argument ?? (file === '-' ? await readStandardInput() : readOptionFile('--file', file ?? ''));
  if (text.trim() === '') throw new CliError(`The ${name} is empty.`, exitCode.usage);
  return text;
}
