import type { ToolPart } from '@opencode-ai/sdk/v2/client';
import { truncated } from '../../src/protocol/common/text.ts';
import type { ConversationMessage } from './opencode-port.ts';

const MAX_CALLS = 20;
const MAX_INPUT_CHARS = 500;
/** What OpenCode writes as the error of a call that it ended. */
const ENDED = /aborted|interrupted|cancel/i;

const NOTICE = 'These tool calls were cut off, whatever the conversation shows as their results.';

/**
 * Names the tool calls that were cut off since the model last finished an answer, and were not named before; null when
 * there are none. OpenCode shows the model some of them as finished without output, so that it goes on as if they had
 * worked. A user's message can come after such a call, because it can be sent while the call runs.
 */
export function cutOffNotice(messages: readonly ConversationMessage[]): string | null {
  const known = messages.findLastIndex((message) => isFinished(message) || hasNotice(message));
  const calls = messages
    .slice(known + 1)
    .flatMap(({ parts }) => parts.filter((part) => part.type === 'tool'))
    .filter(wasCutOff);
  if (calls.length === 0) return null;
  return [
    `${NOTICE} Each may have done all, a part or nothing of its work. Look before you call them again:`,
    ...calls
      .slice(-MAX_CALLS)
      .map(({ tool, state }) => `- ${tool} ${truncated(JSON.stringify(state.input), MAX_INPUT_CHARS)}`),
  ].join('\n');
}

function isFinished({ info }: ConversationMessage): boolean {
  return info.role === 'assistant' && info.finish === 'stop';
}

function hasNotice({ parts }: ConversationMessage): boolean {
  return parts.some((part) => part.type === 'text' && part.text.includes(NOTICE));
}

function wasCutOff({ tool, state }: ToolPart): boolean {
  if (state.status === 'completed') return tool === 'bash' && typeof state.metadata.exit !== 'number';
  return state.status !== 'error' || ENDED.test(state.error);
}
