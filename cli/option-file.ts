import { readFileSync } from 'node:fs';
import { CliError, exitCode } from './command.ts';
import { givenPath } from './given-path.ts';

/**
 * The text of the file that an option names.
 *
 * @param option for the error, such as `--file`
 * @param given the path, as the user gave it
 * @throws CliError when the file cannot be read
 */
export function readOptionFile(option: string, given: string): string {
  const path = givenPath(given);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? `there is no file ${path}.` : `${path} cannot be read: ${message}`;
    throw new CliError(`${option}: ${reason}`, exitCode.usage);
  }
}
