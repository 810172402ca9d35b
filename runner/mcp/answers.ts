import type { CallToolResult } from '@modelcontextprotocol/server';
import { ApiError, ConnectionError } from '../../src/client/errors.ts';

/** The longest answer of a tool. It stays in the conversation, and costs tokens in each turn after it. */
export const MAX_ANSWER_BYTES = 16_384;
const MORE = '\n… The rest is left out. Ask for less at a time, such as for a path further down.';

/** An answer that the model reads as a failure. The message says what it can do. */
export class ToolError extends Error {
  override name = 'ToolError';
}

/** The text, at most as long as an answer may be. */
export function bounded(text: string, maxBytes = MAX_ANSWER_BYTES, more = MORE): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - Buffer.byteLength(more);
  // Never in the middle of a character.
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + more;
}

/** The answer of a tool. What fails becomes a sentence for the model, which decides what to do. */
export async function answerOf(run: () => Promise<string>): Promise<CallToolResult> {
  try {
    return { content: [{ type: 'text', text: bounded(await run()) }] };
  } catch (error) {
    return { content: [{ type: 'text', text: bounded(sentenceOf(error)) }], isError: true };
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof ToolError) return error.message;
  if (error instanceof ConnectionError) {
    return 'The control plane did not answer in time. The call may have taken effect. Repeat it with the same values; a repeat has no further effect.';
  }
  if (!(error instanceof ApiError)) throw error;
  if (error.code === 'stale_lease') {
    return 'Nothing was done: this task has been given to another agent, or has ended. Stop working on it. What you do from now on is not kept.';
  }
  const { errors = [] } = error.problem;
  const where = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return `Nothing was done. ${error.problem.detail}${where === '' ? '' : ` (${where})`}`;
}
