import { maxFrameChars } from '../../src/protocol/common/limits.ts';
import { truncated } from '../../src/protocol/common/text.ts';
import { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { note } from '../note.ts';

/** The lengths that are tried, in this order, until a frame fits. */
const LENGTHS = [
  { chars: 32_768, items: 1_000 },
  { chars: 5_000, items: 200 },
  { chars: 500, items: 20 },
] as const;

/**
 * The frame as the session accepts it, or shorter frames that say what is missing. A frame that the session cannot
 * store would be sent again on every connection, and would stop all frames behind it.
 *
 * @returns the frame itself if it fits; a warning and a shortened frame; or only the warning
 */
export function fitFrame(body: AgentFrameBody): AgentFrameBody[] {
  // These two are nearly all frames, and are bounded where they are made.
  if (body.type === 'text.delta' || body.type === 'reasoning.delta' || body.type === 'artifact.chunk') return [body];
  const problem = problemOf(body);
  if (problem === null) return [body];
  for (const lengths of LENGTHS) {
    const data = shortened(body.data, lengths);
    const shorter = { ...body, data } as AgentFrameBody;
    if (problemOf(shorter) === null)
      return [note('warning', `A report (${body.type}) was too long and was shortened.`), shorter];
  }
  return [note('warning', `A report (${body.type}) could not be sent: ${problem}.`)];
}

/** @returns why the session would reject the frame, or null */
function problemOf(body: AgentFrameBody): string | null {
  const most = maxFrameChars(body.type);
  if (JSON.stringify(body.data).length > most) return `it has more than ${most} characters`;
  const issue = AgentFrameBody().safeParse(body).error?.issues[0];
  return issue ? `${issue.path.join('.')}: ${issue.message}` : null;
}

function shortened(value: unknown, lengths: (typeof LENGTHS)[number]): unknown {
  if (typeof value === 'string') return truncated(value, lengths.chars);
  if (Array.isArray(value)) return value.slice(0, lengths.items).map((item) => shortened(item, lengths));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).slice(0, lengths.items);
  return Object.fromEntries(members.map(([name, member]) => [name, shortened(member, lengths)]));
}
