import type { ToolPart } from '@opencode-ai/sdk/v2/client';
import { truncated } from '../../src/protocol/common/text.ts';
import type { ConversationMessage } from './opencode-port.ts';

const MAX_CALLS = 20;
const MAX_INPUT_CHARS = 500;
/** What OpenCode writes as the error of a call that it ended. */
const ENDED = /aborted|interrupted|cancel/i;

/**
 * Names the tool calls of the last run that were cut off; null when there are none. OpenCode shows the model some of
 * them as finished without output, so that it goes on as if they had worked.
 */
export function cutOffNotice(messages: readonly ConversationMessage[]): string | null {
  const prompt = messages.findLastIndex(({ info }) => info.role === 'user');
  const calls = messages
    .slice(prompt + 1)
    .flatMap(({ parts }) => parts.filter((part) => part.type === 'tool'))
    .filter(wasCutOff);
  if (calls.length === 0) return null;
  return [
    'These tool calls were cut off, whatever the conversation shows as their results. Each may have done all, a part or nothing of its work. Look before you call them again:',
    ...calls
      .slice(-MAX_CALLS)
      .map(({ tool, state }) => `- ${tool} ${truncated(JSON.stringify(state.input), MAX_INPUT_CHARS)}`),
  ].join('\n');
}

function wasCutOff({ tool, state }: ToolPart): boolean {
  if (state.status === 'completed') return tool === 'bash' && typeof state.metadata.exit !== 'number';
  return state.status !== 'error' || ENDED.test(state.error);
}
