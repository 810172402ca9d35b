import type { ToolPart } from '@opencode-ai/sdk/v2/client';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';

/** The most output of one command that is reported while it runs. OpenCode itself keeps more, from the beginning. */
const MAX_STREAMED_CHARS = 16_384;
/** At most one frame of a command in this time. A command that ends sooner reports its output only once. */
const REPORT_MS = 1_000;
const MORE = '… more output follows when the command has ended\n';

interface Output {
  text: string;
  sent: string;
  /** Null before the first flush. */
  checkedAt: number | null;
  isFull: boolean;
}

/**
 * The output of commands while they run, as increments with offsets. Only whole lines are reported, so that a secret is
 * never cut in two before it is masked.
 */
export class ToolOutput {
  readonly #running = new Map<string, { part: ToolPart; output: Output }>();

  /** Takes the newest state of a call. */
  update(part: ToolPart): void {
    const { state } = part;
    const text = state.status === 'running' ? state.metadata?.output : undefined;
    if (typeof text === 'string') {
      const output = this.#running.get(part.id)?.output ?? { sent: '', checkedAt: null, isFull: false };
      this.#running.set(part.id, { part, output: { ...output, text } });
    } else if (state.status !== 'running') this.#running.delete(part.id);
  }

  /** Frames for the new lines. @param now in ms */
  flush(now: number): AgentFrameBody[] {
    return [...this.#running.values()].flatMap(({ part, output }) => {
      output.checkedAt ??= now;
      if (output.isFull || now - output.checkedAt < REPORT_MS) return [];
      output.checkedAt = now;
      const text = newLines(output);
      if (text === '') return [];
      const data = { message_id: part.messageID, call_id: part.callID, offset: output.sent.length, text };
      output.sent += text;
      return [{ type: 'tool.output', data }];
    });
  }
}

function newLines(output: Output): string {
  const { text, sent } = output;
  // OpenCode has dropped the beginning.
  if (!text.startsWith(sent)) output.isFull = true;
  if (output.isFull) return '';
  const lines = text.slice(sent.length, text.lastIndexOf('\n') + 1);
  if (sent.length + lines.length <= MAX_STREAMED_CHARS) return lines;
  output.isFull = true;
  const fitting = lines.slice(0, MAX_STREAMED_CHARS - sent.length);
  return fitting.slice(0, fitting.lastIndexOf('\n') + 1) + MORE;
}
