import { isAbsolute, relative } from 'node:path';
import type { ToolPart } from '@opencode-ai/sdk/v2/client';
import { MAX_NAME_CHARS } from '../../../src/protocol/common/bounds.ts';
import { MAX_TOOL_TEXT_CHARS } from '../../../src/protocol/common/limits.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import { MAX_TITLE_CHARS, MAX_TODO_CHARS, MAX_TODO_ITEMS } from '../../../src/protocol/events/agent.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { ToolOutput } from './tool-output.ts';

const RANK = { pending: 0, running: 1, completed: 2, error: 2 } as const;
const EDITING_TOOLS = new Set(['write', 'edit', 'multiedit', 'patch', 'apply_patch']);

/** Reports each state of a tool call once, in order, and the todo lists and edited files of completed calls. */
export class ToolCalls {
  readonly #directory: string;
  readonly #reported = new Map<string, number>();
  /** Null if the session does not take the output of running commands. */
  readonly #output: ToolOutput | null;

  /** @param directory paths inside this directory are reported relative to it */
  constructor(directory: string, takesToolOutput: boolean) {
    this.#directory = directory;
    this.#output = takesToolOutput ? new ToolOutput() : null;
  }

  /** Calls that an earlier lease reported. */
  skip(part: ToolPart): void {
    this.#reported.set(part.id, RANK.completed);
  }

  /** Frames for what running commands have written. @param now in ms */
  flush(now: number): AgentFrameBody[] {
    return this.#output?.flush(now) ?? [];
  }

  update(part: ToolPart): AgentFrameBody[] {
    this.#output?.update(part);
    if (!this.#advance(part)) return [];
    return [toolFrame(part), ...this.#effects(part)];
  }

  /** Reports only the files that a sub-agent's call edited, since its output goes to the agent and not to people. */
  updateOfSubAgent(part: ToolPart): AgentFrameBody[] {
    return this.#advance(part) ? this.#effects(part).filter((frame) => frame.type === 'file.edited') : [];
  }

  #advance(part: ToolPart): boolean {
    const rank = RANK[part.state.status];
    if ((this.#reported.get(part.id) ?? -1) >= rank) return false;
    this.#reported.set(part.id, rank);
    return true;
  }

  #effects(part: ToolPart): AgentFrameBody[] {
    if (part.state.status !== 'completed') return [];
    const { input, metadata } = part.state;
    if (part.tool === 'todowrite') return todoFrames(input.todos);
    if (!EDITING_TOOLS.has(part.tool)) return [];
    return editedPaths(input, metadata).map((path) => ({ type: 'file.edited', data: { path: this.#inside(path) } }));
  }

  #inside(path: string): string {
    const inside = isAbsolute(path) ? relative(this.#directory, path) : path;
    return inside.startsWith('..') ? path : inside;
  }
}

function toolFrame(part: ToolPart): AgentFrameBody {
  const { state } = part;
  const input = boundedInput(state.input);
  const output = state.status === 'completed' ? state.output : undefined;
  const title = 'title' in state ? state.title : undefined;
  const isTruncated = input.truncated || (output?.length ?? 0) > MAX_TOOL_TEXT_CHARS;
  return {
    type: 'tool',
    data: {
      message_id: part.messageID,
      call_id: part.callID,
      tool: part.tool,
      state: state.status,
      input: input.value,
      ...(title ? { title: truncated(title, MAX_TITLE_CHARS) } : {}),
      ...(output === undefined ? {} : { output: truncated(output, MAX_TOOL_TEXT_CHARS) }),
      ...(state.status === 'error' ? { error: truncated(state.error, MAX_TOOL_TEXT_CHARS) } : {}),
      ...(isTruncated ? { truncated: true } : {}),
      ...exitCodeOf(part),
    },
  };
}

/** OpenCode reports a command as completed whatever its exit code is, and also when it ended the command. */
function exitCodeOf({ tool, state }: ToolPart): { exit_code?: number | null } {
  if (tool !== 'bash' || state.status !== 'completed' || !('exit' in state.metadata)) return {};
  return { exit_code: typeof state.metadata.exit === 'number' ? state.metadata.exit : null };
}

/** The input itself; if too large, the input with its long texts cut; if still too large, the beginning of its JSON. */
function boundedInput(input: Record<string, unknown>): { value: Record<string, unknown>; truncated: boolean } {
  if (JSON.stringify(input).length <= MAX_TOOL_TEXT_CHARS) return { value: input, truncated: false };
  const limit = MAX_TOOL_TEXT_CHARS / 4;
  const cut = Object.fromEntries(
    Object.entries(input).map(([name, value]) => [name, typeof value === 'string' ? truncated(value, limit) : value]),
  );
  const text = JSON.stringify(cut);
  const value = text.length <= MAX_TOOL_TEXT_CHARS ? cut : { beginning: truncated(text, limit) };
  return { value, truncated: true };
}

function todoFrames(todos: unknown): AgentFrameBody[] {
  if (!Array.isArray(todos)) return [];
  const items = todos.map((todo: { content?: unknown; status?: unknown }) => ({
    content: truncated(String(todo.content ?? ''), MAX_TODO_CHARS),
    status: truncated(String(todo.status ?? 'pending'), MAX_NAME_CHARS),
  }));
  return [{ type: 'todo', data: { items: items.slice(0, MAX_TODO_ITEMS) } }];
}

function editedPaths(input: Record<string, unknown>, metadata: Record<string, unknown>): string[] {
  const files = Array.isArray(metadata.files) ? metadata.files : [];
  const paths = files.map((file: { filePath?: unknown; relativePath?: unknown }) => file.relativePath ?? file.filePath);
  const named = paths.length > 0 ? paths : [metadata.filepath ?? input.filePath];
  return named.filter((path) => typeof path === 'string');
}
