import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Repository } from '../../runner/git/repository.ts';
import type { Worktree } from '../../runner/git/worktree.ts';
import { MARKER_VARIABLE } from '../../runner/opencode/home.ts';
import { findByEnvironment, isRunning } from '../../runner/process/processes.ts';
import { eventually } from '../support/eventually.ts';
import {
  cloneRepository,
  createRepository,
  exportWhole,
  type OpenCodeRig,
  post,
  promptAndWait,
  type ScriptedModel,
  saidText,
  scratchDirectory,
  startOpenCodeRig,
  startScriptedModel,
  toolOutputs,
} from './support/rig.ts';
import { sleeping, sleepOnce } from './support/tools.ts';

const scratch = scratchDirectory();
const project = join(scratch.path, 'project');
let model: ScriptedModel;
let rig: OpenCodeRig;
const create = (directory = project) => rig.client.createConversation({ directory, title: 'A test', permissions: [] });

beforeAll(async () => {
  createRepository(project);
  model = await startScriptedModel();
});
afterAll(async () => {
  await model.close();
  scratch.remove();
});

describe('an OpenCode server for all tests', () => {
  beforeAll(async () => {
    rig = await startOpenCodeRig(join(scratch.path, 'one'), model);
  });
  afterAll(() => rig.stop());

  test('the scripted model is the default and only model', async () => {
    expect(await rig.client.listModels()).toEqual(['demo/scripted']);
    expect(await rig.client.defaultModel()).toBe('demo/scripted');
  });

  test('the OpenCode server refuses requests without its password', async () => {
    const response = await fetch(`${rig.server.address?.url}/global/health`);
    expect(response.status).toBe(401);
  });

  test('tools see neither the server password nor its configuration, and keep the marker', async () => {
    const id = await create();
    await promptAndWait(rig, id, 'run env');
    const [environment = ''] = toolOutputs(await rig.client.messages(id));
    const names = environment.split('\n').map((line) => line.split('=')[0]);
    expect(names).not.toContain('OPENCODE_SERVER_PASSWORD');
    expect(names).not.toContain('OPENCODE_CONFIG_CONTENT');
    expect(environment).toContain(`${MARKER_VARIABLE}=${rig.marker}`);
  });

  test('tools find the ripgrep from npm', async () => {
    const id = await create();
    await promptAndWait(rig, id, 'run rg --version');
    expect(toolOutputs(await rig.client.messages(id))[0]).toMatch(/^ripgrep \d+/);
  });

  test('the server adds no files to the project', async () => {
    const id = await create();
    await promptAndWait(rig, id, 'say hello');
    const status = spawnSync('git', ['-C', project, 'status', '--porcelain', '--ignored'], { encoding: 'utf8' });
    expect(status.stdout).toBe('');
  });

  test('a prompt posted twice under one id runs once', async () => {
    const id = await create();
    const time = ((BigInt(Date.now()) * 4_096n) & 0xffff_ffff_ffffn).toString(16).padStart(12, '0');
    const counter = join(rig.directory, 'counter');
    const prompt = {
      conversationId: id,
      messageId: `msg_${time}AAAAAAAAAAAAAA`,
      text: `run echo x >> ${counter}`,
      model: null,
      agent: null,
      system: null,
    };
    await rig.client.prompt(prompt);
    await rig.client.prompt(prompt);
    await promptAndWait(rig, id, 'say done');
    expect(readFileSync(counter, 'utf8')).toBe('x\n');
    const asked = (await rig.client.messages(id)).filter(({ info }) => info.id === prompt.messageId);
    expect(asked.map(({ parts }) => parts.length)).toEqual([1]);
  });

  test('a conversation is complete after its move to another directory of the same server', async () => {
    const repository = await Repository.open(project);
    const base = await repository.resolve();
    const [first, second] = [
      await repository.addWorktree(join(rig.directory, 'first'), base),
      await repository.addWorktree(join(rig.directory, 'second'), base),
    ] as [Worktree, Worktree];
    const id = await create(first.path);
    await promptAndWait(rig, id, 'write a.txt: here\nrun pwd');
    const carried = await exportWhole(rig, id);
    const options = { directory: second.path, title: 'A test', permissions: [] };
    expect(await rig.client.importConversation(carried, options)).toBe(id);
    await promptAndWait(rig, id, 'run pwd');
    expect(
      toolOutputs(await rig.client.messages(id))
        .at(-1)
        ?.trim(),
    ).toBe(second.path);
  });
});

describe('a new OpenCode server for each test', () => {
  let count = 0;
  beforeEach(async () => {
    count += 1;
    rig = await startOpenCodeRig(join(scratch.path, `own-${count}`), model);
  });
  afterEach(() => rig.stop());

  test('a server that is killed during a turn restarts without its temporary files, and its tools have ended', async () => {
    const id = await create();
    const temporary = join(rig.directory, 'home', 'tmp', 'left.txt');
    writeFileSync(temporary, 'left');
    await post(rig, id, sleepOnce(join(rig.directory, 'slept')));
    await eventually(() => expect(sleeping(rig.marker)).toHaveLength(1));
    const before = rig.server.address;
    process.kill(before?.pid as number, 'SIGKILL');
    await eventually(() => expect(rig.server.address?.generation).toBe(2));
    expect([sleeping(rig.marker), existsSync(temporary)]).toEqual([[], false]);
    const last = (await rig.client.messages(id)).at(-1);
    expect(last?.info.role === 'assistant' && last.info.time.completed).toBe(undefined);
    await promptAndWait(rig, id, 'say I am back');
    expect(saidText(await rig.client.messages(id))).toContain('I am back');
    expect(rig.signals.filter((signal) => signal.type !== 'event').map((signal) => signal.type)).toEqual([
      'connected',
      'down',
      'connected',
    ]);
  });

  test('a server that hangs is unhealthy, is ended with its tools, and restarts', async () => {
    const health = { pauseMs: 200, limitMs: 3_000, misses: 3 };
    const hanging = await startOpenCodeRig(join(rig.directory, 'hanging'), model, { health });
    try {
      const id = await hanging.client.createConversation({ directory: project, title: 'A test', permissions: [] });
      await post(hanging, id, sleepOnce(join(hanging.directory, 'slept')));
      await eventually(() => expect(sleeping(hanging.marker)).toHaveLength(1));
      expect(hanging.server.isHealthy).toBe(true);
      process.kill(hanging.server.address?.pid as number, 'SIGSTOP');
      await eventually(() => expect(hanging.server.isHealthy).toBe(false));
      await eventually(() => expect(hanging.server.address?.generation).toBe(2));
      expect(sleeping(hanging.marker)).toEqual([]);
      await promptAndWait(hanging, id, 'say I am back');
      expect(saidText(await hanging.client.messages(id))).toContain('I am back');
      expect(hanging.server.isHealthy).toBe(true);
    } finally {
      await hanging.stop();
    }
  });

  test.each([
    ['is no database', () => Buffer.from('garbage '.repeat(1_000))],
    ['has damaged pages', (sound: Buffer) => Buffer.concat([sound.subarray(0, 100), Buffer.alloc(sound.length, 7)])],
  ])('a server whose database %s starts with a new one, and keeps the old one', async (_how, spoil) => {
    await rig.stop();
    const data = join(rig.directory, 'home/data/opencode');
    const spoilt = spoil(readFileSync(join(data, 'opencode.db')));
    writeFileSync(join(data, 'opencode.db'), spoilt);
    // SQLite would restore the pages from its log.
    for (const suffix of ['-wal', '-shm']) rmSync(join(data, `opencode.db${suffix}`), { force: true });
    rig = await startOpenCodeRig(rig.directory, model);
    await promptAndWait(rig, await create(), 'say it works');
    expect(readFileSync(join(data, 'opencode.db.unusable'))).toEqual(spoilt);
    expect(readFileSync(join(rig.directory, 'opencode.log'), 'utf8')).toContain('database is damaged: moved it to');
  });

  test('a stopped server leaves no process behind, not even a running tool', async () => {
    const id = await create();
    await post(rig, id, 'run sleep 300');
    await eventually(() => expect(sleeping(rig.marker)).toHaveLength(1));
    const pid = rig.server.address?.pid as number;
    await rig.stop();
    expect(findByEnvironment(MARKER_VARIABLE, rig.marker)).toEqual([]);
    expect(isRunning(pid)).toBe(false);
  });

  test('a conversation continues in another home on another clone, and the model gets its history', async () => {
    const clone = cloneRepository(project, join(rig.directory, 'clone'));
    const id = await create();
    await promptAndWait(rig, id, 'run echo from-the-first-machine');
    await post(rig, id, `${sleepOnce(join(rig.directory, 'slept'))}\nrun echo then-this`);
    await eventually(() => expect(sleeping(rig.marker)).toHaveLength(1));
    const carried = await exportWhole(rig, id);
    const other = await startOpenCodeRig(join(rig.directory, 'other'), model);
    try {
      const options = { directory: clone, title: 'A test', permissions: [] };
      expect(await other.client.importConversation(carried, options)).toBe(id);
      await promptAndWait(other, id, 'run pwd');
      const outputs = toolOutputs(await other.client.messages(id)).map((output) => output.trim());
      expect(outputs[0]).toBe('from-the-first-machine');
      expect(outputs).toContain('then-this');
      expect(outputs.at(-1)).toBe(clone);
    } finally {
      await other.stop();
    }
  });
});

test('a platform without an OpenCode package gets an error that says what to install', async () => {
  const { resolveOpenCode } = await import('../../runner/opencode/binary.ts');
  expect(() => resolveOpenCode('plan9', 'mips')).toThrow(
    'OpenCode for plan9-mips is not installed: run "npm install --no-save opencode-plan9-mips@1.18.33".',
  );
});

test('a server’s home is readable only by its user', () => {
  const home = join(scratch.path, 'one', 'home');
  expect(existsSync(home)).toBe(true);
  const mode = spawnSync('stat', ['-c', '%a', home], { encoding: 'utf8' }).stdout.trim();
  expect(mode).toBe('700');
});
