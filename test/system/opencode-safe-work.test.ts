import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Agent } from '../../runner/agent.ts';
import { Repository } from '../../runner/git/repository.ts';
import { loadIdentity } from '../../runner/identity.ts';
import type { OpenConnection } from '../../runner/lease/connection.ts';
import { removeLeftoverWorktrees } from '../../runner/lease/recovery.ts';
import { ToolServer } from '../../runner/mcp/tool-server.ts';
import type { OpenCodeClient } from '../../runner/opencode/client.ts';
import { toolEnvironment } from '../../runner/opencode/tool-environment.ts';
import { redaction } from '../../runner/redaction.ts';
import { readCeilings } from '../../runner/work/ceiling-watch.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import { eventually } from '../support/eventually.ts';
import { Gate } from './support/tools.ts';
import {
  artifactsOf,
  makeAssignment,
  nextAssignment,
  setupFor,
  type WorkRig,
  withCalls,
  workFixtureOfFile,
} from './support/work-rig.ts';

const fixture = workFixtureOfFile();

function start(assignment: Assignment, before?: WorkRig, client?: OpenCodeClient): Promise<WorkRig> {
  return fixture.start(assignment, artifactsOf(before?.frames ?? []), client && { client });
}

const changed = (calls: Partial<OpenCodeClient>) => withCalls(fixture.rig.client, calls);

/** A client that blocks while it creates the first prompt. */
function heldUp() {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let asked = 0;
  const messages: OpenCodeClient['messages'] = async (id) => {
    asked += 1;
    // The first call happens when the work context is opened.
    if (asked > 1) await gate;
    return fixture.rig.client.messages(id);
  };
  const prompted: string[] = [];
  const prompt: OpenCodeClient['prompt'] = async (asking) => {
    prompted.push(asking.text);
    return fixture.rig.client.prompt(asking);
  };
  return {
    client: changed({ messages, prompt }),
    prompted,
    release,
    isHeldUp: () => eventually(() => expect(asked).toBeGreaterThan(1)),
  };
}

const lastFiles = (work: WorkRig) =>
  work
    .of('checkpoint')
    .at(-1)
    ?.files.map((file) => file.path);

test('work that cannot be saved fails the attempt and stays on the agent, where the next lease continues it', async () => {
  let isFull = false;
  const exportConversation: OpenCodeClient['exportConversation'] = async (...exported) => {
    if (isFull) throw new Error('no space left on device');
    return fixture.rig.client.exportConversation(...exported);
  };
  const work = await start(makeAssignment(), undefined, changed({ exportConversation }));
  await work.message('write first.txt: saved');
  await work.frame('result');
  isFull = true;
  await work.message('write second.txt: not saved');
  expect(await work.frame('result', 2)).toMatchObject({
    status: 'failed',
    error: { code: 'checkpoint_failed', retryable: true },
  });
  await work.end();

  const next = await start(nextAssignment(work.assignment, work.frames), work);
  await next.message('say that is it');
  expect(await next.frame('result')).toMatchObject({ status: 'completed' });
  expect(lastFiles(next)).toEqual(['first.txt', 'second.txt']);
  await next.end();
  expect(existsSync(work.worktree)).toBe(false);
});

test.each([
  ['stays when its lease is lost', false],
  ['goes when its session is deleted', true],
])('the worktree of a checkpoint that the session has not answered %s', async (_, isDeleted) => {
  const { promise: end, resolve } = Promise.withResolvers<null>();
  const work = await fixture.start(makeAssignment(), new Map(), { saved: () => end });
  await work.message('write first.txt: reported');
  await work.frame('checkpoint');
  resolve(null);
  await work.end(isDeleted);
  expect([existsSync(work.worktree), existsSync(`${work.worktree}.kept`)]).toEqual([!isDeleted, !isDeleted]);
});

test('work that is too large for a checkpoint survives a kill, and the next leases on this agent continue it', async () => {
  const work = await start(makeAssignment());
  await work.message('run head -c 9000000 /dev/urandom > large.bin');
  expect(await work.frame('checkpoint')).toMatchObject({ lacks: ['large.bin (9 MiB)'], files: [] });
  // Does what a start after a kill does, while the work has not ended.
  const repository = await Repository.open(fixture.project);
  const worktrees = join(fixture.rig.directory, 'worktrees');
  await removeLeftoverWorktrees(repository, worktrees, () => undefined);
  expect(existsSync(join(work.worktree, 'large.bin'))).toBe(true);

  await work.frame('result');
  await work.end();
  const second = await start(nextAssignment(work.assignment, work.frames), work);
  await second.message('run echo more >> large.bin');
  await second.frame('result');
  await second.end();
  const next = await start(nextAssignment(second.assignment, second.frames), second);
  await next.message('run head -c 10 large.bin | wc -c > small.txt; rm large.bin');
  await next.frame('result');
  expect(next.of('checkpoint').at(-1)?.lacks).toBeUndefined();
  expect(lastFiles(next)).toEqual(['small.txt']);
  await next.end();
  await removeLeftoverWorktrees(repository, worktrees, () => undefined);
  expect(existsSync(work.worktree)).toBe(false);
});

test('a prompt that OpenCode accepted and lost in a kill is sent again unchanged', async () => {
  const asked: string[] = [];
  const prompt: OpenCodeClient['prompt'] = async (asking) => {
    asked.push(asking.text);
    if (asked.length > 1) return fixture.rig.client.prompt(asking);
    process.kill(fixture.rig.server.address?.pid as number, 'SIGKILL');
  };
  const work = await start(makeAssignment(), undefined, changed({ prompt }));
  await work.message('write asked.txt: twice');
  expect(await work.frame('result')).toMatchObject({ status: 'completed', messages_done: 1 });
  expect(asked).toEqual(['write asked.txt: twice', 'write asked.txt: twice']);
  expect(lastFiles(work)).toEqual(['asked.txt']);
});

test('a pause before the turn begins prevents the prompt', async () => {
  const { client, prompted, release, isHeldUp } = heldUp();
  const work = await start(makeAssignment(), undefined, client);
  await work.message('say never');
  await isHeldUp();
  await work.work.command({ type: 'pause', data: { within_ms: 60_000 } });
  release();
  expect(await work.frame('released')).toMatchObject({ reason: 'paused' });
  expect(prompted).toEqual([]);
});

test('a lease that is lost before the turn begins sends no prompt', async () => {
  const { client, prompted, release, isHeldUp } = heldUp();
  const work = await start(makeAssignment(), undefined, client);
  await work.message('say never');
  await isHeldUp();
  work.work.cancel();
  release();
  await work.end();
  expect(prompted).toEqual([]);
});

test('a silent session delays the turn until the lease is confirmed', async () => {
  const { client, prompted, release, isHeldUp } = heldUp();
  const work = await start(makeAssignment(), undefined, client);
  await work.message('say at last');
  await isHeldUp();
  work.work.quiet();
  release();
  await client.messages(
    await client.createConversation({ directory: fixture.project, title: 'Time passes', permissions: [] }),
  );
  expect(prompted).toEqual([]);
  work.work.alive();
  expect(await work.frame('result')).toMatchObject({ status: 'completed', text: expect.stringContaining('at last') });
});

test('a checkpoint that is requested before the work context is open is taken as soon as it is', async () => {
  const work = await start(makeAssignment());
  await work.work.command({ type: 'checkpoint', data: {} });
  expect(await work.frame('checkpoint')).toMatchObject({ requested: true, messages_done: 0 });
});

test('a steering message that cannot be posted becomes the next prompt', async () => {
  const prompt: OpenCodeClient['prompt'] = async (asking) => {
    if (asking.text.includes('steered') && !(await fixture.rig.client.isBusy(asking.conversationId))) {
      return fixture.rig.client.prompt(asking);
    }
    if (asking.text.includes('steered')) throw new Error('it did not arrive');
    return fixture.rig.client.prompt(asking);
  };
  const work = await start(makeAssignment(), undefined, changed({ prompt }));
  const held = new Gate(join(fixture.path, 'gate'));
  await work.message(`${held.directive}\nsay first`);
  await work.frame('tool', 2);
  await work.message('run echo steered', 'steer');
  held.open();
  expect(await work.frame('result')).toMatchObject({ status: 'completed', messages_done: 2 });
  expect(work.of('turn.started')).toHaveLength(2);
});

test('a conversation whose work is saved is deleted from the server', async () => {
  const ids: string[] = [];
  const createConversation: OpenCodeClient['createConversation'] = async (options) => {
    const id = await fixture.rig.client.createConversation(options);
    ids.push(id);
    return id;
  };
  const work = await start(makeAssignment(), undefined, changed({ createConversation }));
  await work.message('say hello');
  await work.frame('result');
  expect(await fixture.rig.client.messages(ids[0] as string)).not.toEqual([]);
  await work.end();
  await expect(fixture.rig.client.messages(ids[0] as string)).rejects.toThrow('not found');
});

test.each([
  ['is missing', () => new Map<string, Uint8Array>(), 'cannot be read'],
  [
    'came cut off',
    (work: WorkRig) => new Map([...artifactsOf(work.frames)].map(([id, bytes]) => [id, bytes.slice(1)])),
    'is damaged',
  ],
  [
    'came with a bit turned',
    (work: WorkRig) => new Map([...artifactsOf(work.frames)].map(([id, bytes]) => [id, bytes.with(0, bytes[0]! ^ 1)])),
    'is damaged',
  ],
])(
  'a checkpoint that %s fails the attempt with the reason, and nothing starts without its work',
  async (_, take, reason) => {
    const work = await start(makeAssignment());
    await work.message('write one.txt: 1');
    await work.frame('result');
    const next = await fixture.start(nextAssignment(work.assignment, work.frames), take(work));
    const error = { code: 'start_failed', message: expect.stringContaining(reason) };
    expect(await next.frame('result')).toMatchObject({ status: 'failed', error });
    expect(existsSync(next.worktree)).toBe(false);
  },
);

test('a checkpoint has the files of nested repositories, and a note names what it lacks', async () => {
  const work = await start(makeAssignment());
  await work.message('run mkdir lib && git init -q lib && echo x > lib/x.txt');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  expect(lastFiles(work)).toEqual(['lib/x.txt']);
  expect(work.warnings()).toEqual([expect.stringContaining('not their history: lib/')]);
});

test('an epoch of a task starts on an agent only when the previous one has ended there', async () => {
  const assignment = makeAssignment();
  const dataDirectory = join(fixture.path, 'two-epochs');
  const before = join(dataDirectory, 'worktrees', `${assignment.task_id}-1`);
  const presented: { path: string; wasBeforeThere: boolean }[] = [];
  let control: ((message: unknown) => void) | null = null;
  const openConnection: OpenConnection = (path, events) => {
    const tell = (message: unknown) => setTimeout(() => events.received(JSON.stringify(message)));
    setTimeout(() => events.opened());
    return {
      close: () => undefined,
      send: (text) => {
        const message = JSON.parse(text === 'ping' ? '{}' : text) as { type?: string };
        if (message.type === 'hello') control = tell;
        if (text.includes('"released"')) tell({ type: 'ended', reason: 'released', saved: Number.MAX_SAFE_INTEGER });
        if (message.type !== 'present') return;
        presented.push({ path, wasBeforeThere: existsSync(before) });
        const epoch = Number(path.split('/').at(-1));
        tell({ type: 'lease', assignment: { ...assignment, epoch }, acked: 0, saved: 0, ttl_ms: 60_000 });
      },
    };
  };
  const identity = loadIdentity(dataDirectory);
  const agent = new Agent(
    {
      url: 'http://127.0.0.1',
      token: '',
      directory: fixture.project,
      dataDirectory,
      capacity: 1,
      name: 'AGENT-TWO-EPOCHS',
      source: { kind: 'own', environment: {} },
      tools: toolEnvironment(process.env),
      ceilings: readCeilings(),
      log: () => undefined,
    },
    {
      identity,
      repository: await Repository.open(fixture.project),
      canMerge: true,
      server: fixture.rig.server,
      opencode: fixture.rig.client,
      model: 'demo/scripted',
      openConnection,
      redact: redaction([]),
      setup: setupFor(fixture.rig, 'off'),
      tools: await ToolServer.start(),
      unlock: () => undefined,
    },
  );
  const offer = (epoch: number) =>
    control?.({
      type: 'offer',
      task_id: assignment.task_id,
      epoch,
      session_id: assignment.session_id,
      expires_in_ms: 10_000,
    });
  await eventually(() => expect(control).not.toBeNull());
  offer(1);
  await eventually(() => expect(existsSync(before)).toBe(true));
  offer(2);
  await eventually(() => expect(presented).toHaveLength(2));
  expect(presented[1]).toEqual({ path: `/ws/leases/${assignment.task_id}/2`, wasBeforeThere: false });
  await agent.stop();
});
