import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../../src/client/client.ts';
import type { SessionEvent } from '../../src/protocol/events.ts';
import { AgentProcess, LossyLine, seededRandom } from './support/fleet.ts';
import { Launcher, noDatabase } from './support/launcher.ts';
import {
  cloneRepository,
  createRepository,
  type ScriptedModel,
  scratchDirectory,
  startScriptedModel,
} from './support/rig.ts';

const ROUNDS = 4;
const SESSIONS_A_ROUND = 5;
const TTL_SECONDS = 10;

const scratch = scratchDirectory();
let model: ScriptedModel;
let launcher: Launcher;
let client: Client;
let line: LossyLine;
/** Each on its own clone, in its own home; the second one's line can lose what it sends. */
let agents: [AgentProcess, AgentProcess];

beforeAll(async () => {
  model = await startScriptedModel();
  const origin = createRepository(join(scratch.path, 'one'));
  const clone = cloneRepository(origin, join(scratch.path, 'two'));
  const dataDirectory = join(scratch.path, 'control-plane');
  launcher = new Launcher({ dataDirectory, env: { ...noDatabase, OIO_LEASE_TTL_SECONDS: String(TTL_SECONDS) } });
  const url = await launcher.ready();
  const { token } = launcher.server();
  client = createClient({ baseUrl: url, token });
  line = new LossyLine(url);
  const common = { token, modelUrl: model.url };
  const home = (name: string) => join(scratch.path, `home-${name}`);
  agents = [
    new AgentProcess({ ...common, name: 'AGENT-ONE', url, directory: origin, home: home('one') }),
    new AgentProcess({ ...common, name: 'AGENT-TWO', url: await line.open(), directory: clone, home: home('two') }),
  ];
  await Promise.all(agents.map((agent) => agent.connected()));
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  line.close();
  await launcher.end();
  await model.close();
  scratch.remove();
});

async function begin(prompt: string): Promise<string> {
  const { id } = await client.sessions.create({
    title: 'A session that is killed',
    initial_prompt: prompt,
    max_attempts: 5,
  });
  await client.sessions.act(id, 'start');
  return id;
}

async function until(id: string, status: string): Promise<void> {
  await vi.waitFor(async () => expect((await client.sessions.get(id)).status).toBe(status), {
    timeout: 150_000,
    interval: 250,
  });
}

async function logOf(id: string): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await client.sessions.events(id, after === undefined ? { limit: 500 } : { limit: 500, after });
    events.push(...page.items);
    if (!page.has_more) return events;
    after = page.cursor;
  }
}

/** No place is missing or there twice, each text goes on where it ended, and each tool call has each state once. */
function expectWhole(events: SessionEvent[]): void {
  const texts = new Map<string, number>();
  const calls = new Set<string>();
  let last = 0;
  for (const event of events) {
    expect(event.from_seq).toBe(last + 1);
    last = event.seq;
    if (event.type === 'text.delta') {
      expect(event.data.offset).toBe(texts.get(event.data.part_id) ?? 0);
      texts.set(event.data.part_id, event.data.offset + event.data.text.length);
    } else if (event.type === 'tool') {
      const state = `${event.data.call_id} ${event.data.state}`;
      expect(calls.has(state)).toBe(false);
      calls.add(state);
    } else expect(event.type).not.toBe('frame.rejected');
  }
}

const random = seededRandom(20_261_122);
const rounds = Array.from({ length: ROUNDS }, (_, round) => ({ round, delayMs: Math.round(500 + random() * 5_500) }));

test.each(rounds)(
  'round $round: an agent killed after $delayMs ms; each session completes, with a whole log',
  async ({ round, delayMs }) => {
    const prompts = Array.from({ length: SESSIONS_A_ROUND }, (_, index) => {
      const counter = join(scratch.path, `counter-${round}-${index}`);
      const words = Math.round(5 + random() * 25);
      return [
        `slow ${words} 50`,
        `run echo x >> ${counter}`,
        'run sleep 1',
        `write done-${index}.txt: ok`,
        'say the end',
      ];
    });
    const ids = await Promise.all(prompts.map((lines) => begin(lines.join('\n'))));
    // The moment of the kill is what the seed chooses; nothing is waited for here.
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const victim = agents[round % 2] as AgentProcess;
    await victim.kill();
    for (const id of ids) await until(id, 'completed');
    for (const [index, id] of ids.entries()) {
      expectWhole(await logOf(id));
      const diff = await client.sessions.diff(id);
      expect(diff.files).toEqual([{ path: `done-${index}.txt`, status: 'added', additions: 1, deletions: 0 }]);
      // Events are exactly once; what a tool does to the world is at least once.
      const counted = readFileSync(join(scratch.path, `counter-${round}-${index}`), 'utf8').length / 2;
      expect(counted).toBeGreaterThanOrEqual(1);
    }
    await victim.restart();
  },
);

test('killed between its result and the acknowledgement: the other agent completes it, the old epoch is refused', async () => {
  const [one, two] = agents;
  const gate = join(scratch.path, 'gate');
  const finished = join(scratch.path, 'finished');
  // Only the second agent is there to take it.
  await one.kill();
  const id = await begin(`run until test -e ${gate}; do sleep 0.1; done\nwrite kept.txt: x\nrun echo x >> ${finished}`);
  await vi.waitFor(async () => expect((await logOf(id)).some((event) => event.type === 'tool')).toBe(true), {
    timeout: 60_000,
    interval: 100,
  });
  line.loseUpstream();
  writeFileSync(gate, '');
  await vi.waitFor(() => expect(existsSync(finished)).toBe(true), { timeout: 60_000, interval: 100 });
  await two.kill();
  line.mend();
  await one.restart();
  await until(id, 'completed');
  const before = await logOf(id);
  expectWhole(before);
  expect(before.filter((event) => event.type === 'lease.granted').map((event) => event.data.agent_name)).toEqual([
    'AGENT-TWO',
    'AGENT-ONE',
  ]);
  await two.restart();
  await vi.waitFor(() => expect(two.output).toContain('delivered what was left'), { timeout: 60_000, interval: 100 });
  expect(await logOf(id)).toEqual(before);
});
