import type { Client } from '../../../src/client/client.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { InstantAgent } from '../../bench/instant-agent.ts';

const BATCH = 50;

/** Frames of one step: a text, and a command with its output. The session logs six events. */
function step(number: number): AgentFrameBody[] {
  const text = `Step **${number}**: I look at \`file-${number}.ts\` and run its tests.`;
  const part = { message_id: 'msg', part_id: `part-${number}` };
  const call = { message_id: 'msg', call_id: `call-${number}`, tool: 'bash' };
  const command = `npm test -- file-${number}`;
  return [
    { type: 'text.delta', data: { ...part, offset: 0, text } },
    { type: 'part.completed', data: { ...part, length: text.length } },
    { type: 'tool', data: { ...call, state: 'pending' } },
    { type: 'tool', data: { ...call, state: 'running', input: { command } } },
    { type: 'tool', data: { ...call, state: 'completed', title: command, output: `ok ${number}\n`, exit_code: 0 } },
    { type: 'file.edited', data: { path: `src/file-${number}.ts` } },
  ];
}

interface Server {
  url: string;
  token: string;
  client: Client;
}

/** Starts a session on an agent that works on nothing by itself. */
async function startedSession({ url, token, client }: Server, title: string) {
  const { id } = await client.sessions.create({ title, initial_prompt: 'Mend all tests.' });
  const agent = await InstantAgent.connect(url, token);
  const offer = agent.offerOf(id);
  await client.sessions.act(id, 'start');
  return { id, lease: await agent.accept(await offer) };
}

/** A running session whose agent has sent these frames. @returns its id */
export async function shownSession(server: Server, frames: AgentFrameBody[]): Promise<string> {
  const { id, lease } = await startedSession(server, 'A shown session');
  if (frames.length > 0) await lease.send(frames);
  return id;
}

/**
 * A running session whose log has at least so many events.
 *
 * @returns its id, and the number of its last step
 */
export async function longSession(server: Server, events: number): Promise<{ id: string; last: number }> {
  const { id, lease } = await startedSession(server, 'A long session');
  const last = Math.ceil(events / step(0).length);
  for (let first = 1; first <= last; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, last - first + 1) }, (_, index) => first + index);
    await lease.send(numbers.flatMap(step));
  }
  return { id, last };
}
