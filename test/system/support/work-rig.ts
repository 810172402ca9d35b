import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Repository } from '../../../runner/git/repository.ts';
import type { OpenTools } from '../../../runner/mcp/lease-tools.ts';
import type { OpenCodeClient } from '../../../runner/opencode/client.ts';
import type { SetupChoice } from '../../../runner/setup/recipe.ts';
import { Setup } from '../../../runner/setup/setup.ts';
import { readCeilings } from '../../../runner/work/ceiling-watch.ts';
import { Work } from '../../../runner/work/work.ts';
import type { GivenCeilings } from '../../../src/domain/session/ceilings.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { eventually } from '../../support/eventually.ts';
import {
  createRepository,
  type OpenCodeRig,
  type ScriptedModel,
  scratchDirectory,
  startOpenCodeRig,
  startScriptedModel,
} from './rig.ts';

type FrameOf<T extends AgentFrameBody['type']> = Extract<AgentFrameBody, { type: T }>;

/** Work under a lease. The test plays the session. */
export interface WorkRig {
  work: Work;
  frames: AgentFrameBody[];
  assignment: Assignment;
  worktree: string;
  /** The data of the frames of one type, in order. */
  of<T extends AgentFrameBody['type']>(type: T): FrameOf<T>['data'][];
  /** Resolves with the data of the n-th frame of a type (from 1). */
  frame<T extends AgentFrameBody['type']>(type: T, n?: number): Promise<FrameOf<T>['data']>;
  /** The texts of the notes that warn, in order. */
  warnings(): string[];
  message(text: string, delivery?: 'steer' | 'follow_up'): Promise<void>;
  /** The model's text, folded from the increments. */
  text(): string;
  /** Ends the lease. @param isDeleted with its session */
  end(isDeleted?: boolean): Promise<void>;
}

export interface WorkOptions {
  stepCheckpointMs?: number;
  /** What the session answers to a checkpoint; by default, that it is stored. */
  saved?: () => Promise<boolean | null>;
  /** Those of the agent that differ from the defaults. */
  ceilings?: GivenCeilings;
  setup?: SetupChoice;
  openTools?: OpenTools;
  /** Replaces how the clone makes worktrees. */
  repository?: (clone: Repository) => Repository;
}

let taskCount = 0;

/** Creates an assignment as a session does, each with a new task. */
export function makeAssignment(changes: Partial<Assignment> = {}): Assignment {
  taskCount += 1;
  const session = `0198c2f0-1a2b-8c3d-9e4f-${taskCount.toString(16).padStart(4, '0')}`;
  return {
    session_id: `${session}00000000`,
    task_id: `${session}00000001`,
    epoch: 1,
    title: 'A test',
    agent_config: {},
    repository: {},
    usage_before: { turns: 0, cost_usd: 0 },
    messages_done: 0,
    messages_last: 1,
    max_conversation_parts: 3,
    takes_tool_output: true,
    checkpoint: null,
    ...changes,
  };
}

export async function startWork(
  rig: OpenCodeRig,
  clone: string,
  assignment: Assignment,
  artifacts: ReadonlyMap<string, Uint8Array> = new Map(),
  options: WorkOptions = {},
): Promise<WorkRig> {
  const { stepCheckpointMs = 600_000, ceilings = {}, saved = async () => true, setup = 'repository' } = options;
  const frames: AgentFrameBody[] = [];
  const opened = await Repository.open(clone);
  const repository = options.repository?.(opened) ?? opened;
  const worktreesDirectory = join(rig.directory, 'worktrees');
  const work = new Work(assignment, {
    agentName: 'AGENT-RIG',
    opencode: rig.client,
    repository,
    model: 'demo/scripted',
    worktreesDirectory,
    fetchArtifact: async (id) => {
      const bytes = artifacts.get(id);
      if (bytes === undefined) throw new Error(`no artifact ${id}`);
      return bytes;
    },
    report: (frame) => frames.push(frame),
    saved,
    log: () => undefined,
    stepCheckpointMs,
    ceilings: { ...readCeilings(), ...ceilings },
    setup: setupFor(rig, setup),
    toolEnvironment: () => rig.server.environment,
    ...(options.openTools && { openTools: options.openTools }),
  });
  const running = work.run();
  let number = assignment.messages_done;
  const of = <T extends AgentFrameBody['type']>(type: T) =>
    frames.filter((frame): frame is FrameOf<T> => frame.type === type).map((frame) => frame.data as FrameOf<T>['data']);
  return {
    work,
    frames,
    assignment,
    worktree: join(worktreesDirectory, `${assignment.task_id}-${assignment.epoch}`),
    of,
    frame: <T extends AgentFrameBody['type']>(type: T, n = 1) =>
      eventually(async (): Promise<FrameOf<T>['data']> => {
        const data = of(type)[n - 1];
        if (data === undefined) throw new Error(`no ${type} yet in: ${frames.map((frame) => frame.type).join(' ')}`);
        return data;
      }),
    warnings: () => of('agent.note').flatMap(({ level, text }) => (level === 'info' ? [] : [text])),
    message: (text, delivery = 'follow_up') => {
      number += 1;
      return work.command({ type: 'message', data: { number, text, delivery } });
    },
    text: () =>
      of('text.delta')
        .map((delta) => delta.text)
        .join(''),
    end: async (isDeleted) => {
      work.cancel();
      await running;
      await work.dispose({ isDeleted });
    },
  };
}

/** The set-up of an agent that uses the server of a rig. */
export function setupFor({ directory, server }: OpenCodeRig, choice: SetupChoice): Setup {
  return new Setup({
    choice,
    cacheDirectory: join(directory, 'setup-cache'),
    environment: () => server.environment,
    log: () => undefined,
  });
}

/** A repository, a scripted model and an OpenCode server for all tests of a file. */
export interface WorkFixture {
  /** The scratch directory with all files of the tests. */
  path: string;
  /** The repository in which the agent works. */
  project: string;
  readonly model: ScriptedModel;
  readonly rig: OpenCodeRig;
  /** Starts work that ends with the test. */
  start(
    assignment?: Assignment,
    artifacts?: ReadonlyMap<string, Uint8Array>,
    options?: WorkOptions & { client?: OpenCodeClient },
  ): Promise<WorkRig>;
}

/** Creates a fixture before the file's first test, and removes it after the last one. */
export function workFixtureOfFile({
  startModel = startScriptedModel,
  config = {},
}: {
  startModel?: () => Promise<ScriptedModel>;
  /** Replaces members of OpenCode's configuration. */
  config?: Record<string, unknown>;
} = {}): WorkFixture {
  const scratch = scratchDirectory();
  const project = join(scratch.path, 'project');
  const works: WorkRig[] = [];
  let model: ScriptedModel;
  let rig: OpenCodeRig;
  beforeAll(async () => {
    createRepository(project);
    model = await startModel();
    rig = await startOpenCodeRig(join(scratch.path, 'agent'), model, { config });
  });
  afterEach(async () => {
    await Promise.all(works.splice(0).map((work) => work.end()));
  });
  afterAll(async () => {
    await rig.stop();
    await model.close();
    scratch.remove();
  });
  return {
    path: scratch.path,
    project,
    get model() {
      return model;
    },
    get rig() {
      return rig;
    },
    async start(assignment = makeAssignment(), artifacts = new Map(), { client = rig.client, ...options } = {}) {
      const work = await startWork({ ...rig, client }, project, assignment, artifacts, options);
      works.push(work);
      return work;
    },
  };
}

/** A client with some calls replaced. */
export function withCalls(real: OpenCodeClient, calls: Partial<OpenCodeClient>): OpenCodeClient {
  return new Proxy(real, {
    get: (client, name: keyof OpenCodeClient) => calls[name] ?? (client[name] as () => unknown).bind(client),
  });
}

/** The artifacts that the session would store, by id. */
export function artifactsOf(frames: AgentFrameBody[]): Map<string, Uint8Array> {
  const artifacts = new Map<string, Uint8Array>();
  for (const frame of frames) {
    if (frame.type !== 'artifact.chunk') continue;
    const before = artifacts.get(frame.data.artifact_id) ?? new Uint8Array();
    artifacts.set(frame.data.artifact_id, Buffer.concat([before, Buffer.from(frame.data.data, 'base64')]));
  }
  return artifacts;
}

/** The assignment of the next epoch, from the newest checkpoint among the frames. */
export function nextAssignment(previous: Assignment, frames: AgentFrameBody[]): Assignment {
  const checkpoints = frames.filter((frame) => frame.type === 'checkpoint');
  const data = checkpoints.at(-1)?.data;
  if (data === undefined) throw new Error('no checkpoint to go on from');
  return {
    ...previous,
    epoch: previous.epoch + 1,
    messages_done: data.messages_done,
    messages_last: data.messages_done + 1,
    checkpoint: {
      number: checkpoints.length,
      task_id: previous.task_id,
      epoch: previous.epoch,
      created_at: '2026-01-01T00:00:00.000Z',
      turn: data.turn,
      messages_done: data.messages_done,
      base_commit: data.base_commit,
      patch_bytes: data.patch?.bytes ?? 0,
      conversation_bytes: data.conversation?.bytes ?? 0,
      local_only: data.local_only,
      requested: data.requested,
      ...(data.lacks ? { lacks: data.lacks } : {}),
      patch_artifact_id: data.patch?.artifact_id ?? null,
      patch_sha256: data.patch?.sha256 ?? null,
      conversation_artifact_id: data.conversation?.artifact_id ?? null,
      conversation_sha256: data.conversation?.sha256 ?? null,
      conversation_format: data.conversation?.format ?? null,
      conversation_parts: data.conversation?.parts ?? [],
    },
  };
}
