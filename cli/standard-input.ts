import { buffer } from 'node:stream/consumers';
import { CliError, exitCode } from './command.ts';

/**
 * The text of standard input.
 * @param input another stream, for tests
 * @throws CliError if it is no UTF-8, which a decoder would change
 */
export async function readStandardInput(input: NodeJS.ReadableStream = process.stdin): Promise<string> {
  const bytes = await buffer(input);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CliError(
      'Standard input is no text in UTF-8. Convert it first, such as with iconv, or encode bytes as base64.',
      exitCode.usage,
    );
  }
}
