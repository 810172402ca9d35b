import { DirectoryInProcess } from '../support/directory-in-process.ts';
import { RegistryInProcess } from '../support/registry-in-process.ts';
import { checkpoint, FakeAgent, result, text } from '../unit/session/fake-agent.ts';
import { SessionInProcess, WORKSPACE } from '../unit/session/harness.ts';
import { CountingPlatform, type Frames, type Writes } from './counting-platform.ts';
import { BATCH, BATCHES_PER_JOB } from './plan.ts';

const OBJECTS = ['session', 'agent_registry', 'directory'] as const;
type ObjectName = (typeof OBJECTS)[number];

export interface StepWrites {
  step: string;
  writes: Record<ObjectName, Writes>;
}

/** The calls and frames between the parts during one session. */
export interface Traffic {
  events_in_log: number;
  /** Calls of objects' methods, by `caller → object.method`. */
  calls: Record<string, number>;
  /** Frames by socket: `up` to the object, `down` from it. */
  frames: Frames;
}

export interface Counts {
  /** Some steps of the session, in order. */
  steps: StepWrites[];
  /** All writes from `create` until the session is final. */
  whole: StepWrites['writes'];
  traffic: Traffic;
}

/**
 * Runs one session of 100 deltas through the real runtimes in this process and counts. Two runs give the same numbers,
 * because the clock stands still.
 */
export async function countOneSession(): Promise<Counts> {
  const traffic: Traffic = { events_in_log: 0, calls: {}, frames: {} };
  const platforms: Record<ObjectName, CountingPlatform> = {
    session: new CountingPlatform(traffic.frames),
    agent_registry: new CountingPlatform(traffic.frames),
    directory: new CountingPlatform(traffic.frames),
  };
  const registry = new RegistryInProcess({ platform: platforms.agent_registry, workspace: WORKSPACE });
  const directory = new DirectoryInProcess({ platform: platforms.directory });
  const counted = <T extends object>(api: T, object: string): T => countingCalls(api, `session → ${object}`, traffic);
  const session = new SessionInProcess({
    platform: platforms.session,
    registry: counted(registry.api, 'agent registry'),
  });
  Object.assign(session.destinations.directory, counted(directory.api, 'directory'));

  const fromWorker = { create: session.create.bind(session), act: session.runtime.act.bind(session.runtime) };
  const worker = countingCalls(fromWorker, 'Worker → session', traffic);

  const steps: StepWrites[] = [];
  const step = async (name: string, act: () => unknown) => {
    const before = writesOf(platforms);
    await act();
    await session.settle();
    steps.push({ step: name, writes: difference(before, writesOf(platforms)) });
  };

  const agent = new FakeAgent(session, 1, 'AGENT-COUNTED');
  // Like our runner.
  agent.headCommit = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
  const control = registry.connect(agent.id);
  control.send(helloOf(agent));
  const before = writesOf(platforms);
  // Like our client, each POST has an idempotency key.
  await step('create', () => worker.create({}, session.call({ key: 'create' })));
  const watcher = session.watcher().connect().catchUp();
  await step('start, and the offer', () => worker.act(session.call({ key: 'start' }), { action: 'start' }));
  await step('lease granted', () => {
    agent.connect();
    control.send({ type: 'accepted', task_id: agent.assignment?.task_id, epoch: 1 });
    agent.acknowledge(...agent.commands.map(({ id }) => id));
  });
  let offset = 0;
  const batch = () => {
    const words = 'so the next thing to look at is ';
    agent.send(...Array.from({ length: BATCH }, (_, index) => text('part', offset + index * words.length, words)));
    offset += BATCH * words.length;
    watcher.catchUp();
  };
  // It also stores that the agent has begun, and deletes what was delivered before.
  await step(`first batch of ${BATCH} deltas`, batch);
  await step(`batch of ${BATCH} deltas`, batch);
  for (let more = 2; more < BATCHES_PER_JOB; more++) batch();
  await step('checkpoint, of 4 chunks', () => agent.send(...checkpoint('one')));
  await step('result', () => {
    agent.send(result());
    control.send({ type: 'ended', task_id: agent.assignment?.task_id, epoch: 1 });
  });
  watcher.catchUp();
  if ((await session.status()) !== 'completed') throw new Error('the counted session was not completed');
  traffic.events_in_log = (await session.events()).length;
  return { steps, whole: difference(before, writesOf(platforms)), traffic };
}

function helloOf({ name, instanceId, repository }: FakeAgent) {
  const nothing = { capabilities: [], labels: [], leases: [], model: null };
  return { type: 'hello', name, instance_id: instanceId, capacity: 1, repository, version: 'bench', ...nothing };
}

function countingCalls<T extends object>(api: T, between: string, traffic: Traffic): T {
  const counting = Object.entries(api).map(([method, call]) => [
    method,
    (...args: unknown[]) => {
      const name = `${between}.${method}`;
      traffic.calls[name] = (traffic.calls[name] ?? 0) + 1;
      return (call as (...all: unknown[]) => unknown)(...args);
    },
  ]);
  return Object.fromEntries(counting) as T;
}

function writesOf(platforms: Record<ObjectName, CountingPlatform>): Record<ObjectName, Writes> {
  return byObject((object) => platforms[object].writes);
}

function difference(before: Record<ObjectName, Writes>, after: Record<ObjectName, Writes>): Record<ObjectName, Writes> {
  return byObject((object) => ({
    rows: after[object].rows - before[object].rows,
    statements: after[object].statements - before[object].statements,
    transactions: after[object].transactions - before[object].transactions,
    alarms: after[object].alarms - before[object].alarms,
  }));
}

function byObject(writes: (object: ObjectName) => Writes): Record<ObjectName, Writes> {
  return { session: writes('session'), agent_registry: writes('agent_registry'), directory: writes('directory') };
}
