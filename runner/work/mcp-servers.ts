import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { note } from '../note.ts';
import type { OpenCodePort } from './opencode-port.ts';

/** The servers of a usual configuration have answered by then. */
const PATIENCE_MS = 5_000;
const ADVICE = 'Correct it in OpenCode\'s configuration, set its "timeout", or disable it.';

/**
 * Notes in the session's log which MCP servers keep its first prompt waiting, and which ones cannot be used. OpenCode
 * connects all of them when a directory is first used, one after the other for up to 30 seconds each, and says nothing.
 *
 * The wait itself cannot be shortened here: OpenCode has one timeout for connecting to a server and for calling its
 * tools, and a tool may take long.
 *
 * @param ending when it resolves, nothing more is reported
 */
export async function noteMcpServers(
  opencode: Pick<OpenCodePort, 'mcpServers' | 'mcpFailures'>,
  directory: string,
  report: (frame: AgentFrameBody) => void,
  ending: Promise<void>,
): Promise<void> {
  const names = await opencode.mcpServers(directory);
  if (names.length === 0) return;
  let isOver = false;
  const timer = setTimeout(() => {
    const what = `The first prompt waits for OpenCode's MCP servers: ${names.join(', ')}.`;
    report(note('warning', `${what} A server that does not answer is given up after 30 s or its "timeout".`));
  }, PATIENCE_MS);
  void ending.then(() => {
    isOver = true;
    clearTimeout(timer);
  });
  try {
    for (const { name, problem } of await opencode.mcpFailures(directory)) {
      if (!isOver) report(note('warning', `The MCP server ${name} cannot be used: ${problem}. ${ADVICE}`));
    }
  } finally {
    clearTimeout(timer);
  }
}
