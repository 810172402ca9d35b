import { exports } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import type { ApprovalView } from '../../src/protocol/session/approval.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import { eventually } from '../support/eventually.ts';
import recording from '../unit/upgrade/last-release/recorded.jsonl?raw';
import { ask, HOST, newWorkspace, signToken } from './http-support.ts';

/** A message of a socket, of which only the recording says what it has. */
type Message = { type: string; n?: number } & Record<string, unknown>;
type Line = { path: string } & ({ up: Message; down?: undefined } | { up?: undefined; down: Message });

const LINES = recording
  .trim()
  .split('\n')
  .map((line): Line => JSON.parse(line));

const first = (way: 'up' | 'down', type: string): Message => {
  for (const line of LINES) if (line[way]?.type === type) return line[way];
  throw new Error(`The recording has no ${type}.`);
};
const HELLO = first('up', 'hello');
const { agent_id: AGENT_ID } = first('down', 'welcome');
const OFFER = first('down', 'offer');
const { assignment: ASSIGNMENT } = first('down', 'lease') as unknown as { assignment: { agent_config: object } };
const PROMPTS = LINES.flatMap(({ down }) => {
  const command = down?.command as { type: string; data: { text: string } } | undefined;
  return command?.type === 'message' ? [command.data.text] : [];
});

/** A socket of the old runner at today's Worker. */
class OldSocket {
  readonly received: Message[] = [];
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => void this.received.push(JSON.parse(String(data))));
    socket.accept();
  }

  static async open(path: string, token: string): Promise<OldSocket> {
    const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'oio.v1', Authorization: `Bearer ${token}` };
    const { webSocket, status } = await exports.default.fetch(new Request(HOST + path, { headers }));
    if (!webSocket) throw new Error(`${path} answered ${status}.`);
    return new OldSocket(webSocket);
  }

  send(message: string): void {
    this.#socket.send(message);
  }

  /**
   * Resolves with a message that stands for a recorded one. Acknowledgements may be joined, so one of a later frame will
   * do.
   */
  like({ type, n = 0 }: Message, nth: number): Promise<Message> {
    return eventually(() => {
      const all = this.received.filter((message) => message.type === type);
      const found = type === 'ack' ? all.find((message) => message.n! >= n) : all[nth - 1];
      if (found === undefined && !(type === 'ack' && this.received.some((message) => message.type === 'ended')))
        throw new Error(`no ${type} yet: ${JSON.stringify(this.received).slice(-500)}`);
      return found ?? { type };
    });
  }

  close(): void {
    this.#socket.close(1000);
  }
}

/** Where a message of today lacks what the recorded one has, or has it in another type. A recorded null is any value. */
function differences(recorded: unknown, today: unknown, at = ''): string[] {
  if (recorded === null) return today === undefined ? [`${at} is missing`] : [];
  if (Array.isArray(recorded) || typeof recorded !== 'object')
    return typeof recorded === typeof today && Array.isArray(recorded) === Array.isArray(today)
      ? []
      : [`${at} differs`];
  if (typeof today !== 'object' || today === null) return [`${at} is no object`];
  return Object.entries(recorded).flatMap(([name, value]) =>
    differences(value, (today as Record<string, unknown>)[name], `${at}.${name}`),
  );
}

it('a runner of the last release registers, takes an offer, and finishes a session with its approvals', async () => {
  const workspace = newWorkspace();
  const admin = await signToken('admin', workspace);
  const asAdmin = async <T>(path: string, options: Parameters<typeof ask>[1] = {}): Promise<T> => {
    const response = await ask(path, { token: admin, ...options });
    expect(response.status, path).toBeLessThan(300);
    return response.json();
  };
  const { token } = await asAdmin<CreatedToken>('/api/v1/tokens', { body: { name: 'old', role: 'agent' } });
  // Its first request, which only looks for a server that is no control plane, or a token that is not valid.
  const greeted = await ask(`/api/v1/agents/${AGENT_ID}`, { token });
  expect(greeted.status).not.toBe(401);
  expect(greeted.headers.get('content-type')).toContain('json');

  const [initial_prompt, text] = PROMPTS;
  const { agent_config } = ASSIGNMENT;
  const body = { title: 'A session', initial_prompt, agent_config, required_labels: ['lane=a'] };
  const { id } = await asAdmin<SessionView>('/api/v1/sessions', { body });
  await asAdmin(`/api/v1/sessions/${id}/messages`, { body: { text } });
  await asAdmin(`/api/v1/sessions/${id}/start`, { method: 'POST' });

  const answer = async ({ data }: { data: Record<string, unknown> }) => {
    const { items } = await asAdmin<{ items: ApprovalView[] }>(`/api/v1/sessions/${id}/approvals`);
    const open = items.find(({ status }) => status === 'open')!;
    const { decision, answers } = data;
    await asAdmin(`/api/v1/sessions/${id}/approvals/${open.id}`, {
      body: { decision, ...(answers ? { answers } : {}) },
    });
  };

  const sockets = new Map<string, OldSocket>();
  const counts = new Map<string, number>();
  /** What the recorded run had, and what this one has instead. */
  const instead: [string, string][] = [];
  for (const { path, up, down } of LINES) {
    const socket = sockets.get(path) ?? (await OldSocket.open(translated(path, instead), token));
    sockets.set(path, socket);
    if (up) {
      socket.send(translated(JSON.stringify(up), instead));
      continue;
    }
    const command = down.command as { type: string; data: Record<string, unknown> } | undefined;
    if (command?.type === 'approval_reply') await answer(command);
    const counter = `${path} ${down.type}`;
    counts.set(counter, (counts.get(counter) ?? 0) + 1);
    const today = await socket.like(down, counts.get(counter)!);
    if (down.type !== 'ack') expect(differences(down, today, down.type)).toEqual([]);
    if (down.type === 'command') expect(today.id).toBe(down.id);
    if (down.type === 'offer') {
      for (const name of ['task_id', 'session_id', 'proof']) instead.push([String(OFFER[name]), String(today[name])]);
    }
  }

  await eventually(async () => expect(await asAdmin(`/api/v1/agents/${AGENT_ID}`)).toMatchObject({ slots_used: 0 }));
  const session = await asAdmin<SessionView>(`/api/v1/sessions/${id}?include=tasks,usage`);
  expect(session).toMatchObject({
    status: 'completed',
    checkpoint_count: 2,
    open_approvals: 0,
    usage: { turns: 5 },
    tasks: [{ agent_id: AGENT_ID, agent_name: HELLO.name, attempt: 1 }],
  });
  const { files } = await asAdmin<{ files: { path: string }[] }>(`/api/v1/sessions/${id}/diff`);
  expect(files.map((file) => file.path)).toEqual(['one.txt', 'two.txt']);
  const { items } = await asAdmin<{ items: { type: string }[] }>(`/api/v1/sessions/${id}/events?limit=500`);
  expect(items.map(({ type }) => type)).not.toContain('frame.rejected');
  expect(await asAdmin(`/api/v1/agents/${AGENT_ID}`)).toMatchObject({
    name: HELLO.name,
    agent_type: 'implementer',
    capabilities: HELLO.capabilities,
    labels: HELLO.labels,
    repository: HELLO.repository,
    performance_tier: 'competent',
  });
  for (const socket of sockets.values()) socket.close();
});

function translated(text: string, instead: readonly [string, string][]): string {
  return instead.reduce((all, [recorded, today]) => all.replaceAll(recorded, today), text);
}
