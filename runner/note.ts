import { truncated } from '../src/protocol/common/text.ts';
import type { AgentFrameBody } from '../src/protocol/run/frames.ts';

const MAX_NOTE_CHARS = 2_000;

/** A line of the agent in the session's log. */
export function note(level: 'info' | 'warning' | 'error', text: string): AgentFrameBody {
  return { type: 'agent.note', data: { level, text: truncated(text, MAX_NOTE_CHARS) } };
}
