import { readFileSync } from 'node:fs';
import { CliError, exitCode } from './command.ts';

/**
 * The text of the file that an option names.
 *
 * @param option for the error, such as `--file`
 * @throws CliError when the file cannot be read
 */
export function readOptionFile(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`${option}: ${path} cannot be read: ${(error as Error).message}`, exitCode.usage);
  }
}
