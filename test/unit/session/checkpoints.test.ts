import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Checkpoints as RunnerCheckpoints } from '../../../runner/work/checkpoints.ts';
import { artifact, checkpoint, type FakeAgent, note, released, uuidOf } from './fake-agent.ts';
import { failureOf, SessionInProcess, TASK_ID, unwrap } from './harness.ts';

async function read(session: SessionInProcess, id: string): Promise<string> {
  const bytes: Buffer[] = [];
  for (let index = 0; ; index++) {
    const chunk = await session.runtime.artifactChunk(session.call(), id, index);
    if (!chunk.ok) return Buffer.concat(bytes).toString();
    bytes.push(Buffer.from(chunk.value.data, 'base64'));
  }
}

async function reasons(session: SessionInProcess): Promise<string[]> {
  return (await session.events()).flatMap((event) => (event.type === 'frame.rejected' ? [event.data.reason] : []));
}

/** A conversation in parts, each with its name as content. */
function conversationOf(format: string, names: string[]) {
  const artifacts = names.map((name) => artifact(name, name));
  const parts = artifacts.map(({ part }) => part);
  return {
    chunks: artifacts.flatMap(({ chunks }) => chunks),
    conversation: { ...parts.at(-1)!, format, parts: parts.slice(0, -1) },
  };
}

/** Asserts that all frames of an agent are stored, and none waits for a rejected one. */
function expectConsumed(agent: FakeAgent): void {
  expect(agent.acked).toBe(agent.head);
}

describe('a checkpoint', () => {
  it('returns the patch and conversation unchanged, so that another machine can continue', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...checkpoint('one'));
    agent.send(...checkpoint('two', { turn: 2 }));
    expect(unwrap(await session.runtime.checkpoints(session.call())).items.map(({ number }) => number)).toEqual([1, 2]);
    const diff = unwrap(await session.runtime.diff(session.call()));
    expect(diff).toMatchObject({ checkpoint: 2, files: [{ path: 'two.txt' }], local_only: false });
    expect(await read(session, diff.artifact_id!)).toBe('diff of two\n'.repeat(200));

    agent.send(released('shutdown'));
    await session.advance(1);
    const next = session.agent(2, 'AGENT-TWO').connect();
    expect(next.assignment?.checkpoint).toMatchObject({ number: 2, conversation_format: 'opencode-1' });
    expect(await read(session, next.assignment!.checkpoint!.conversation_artifact_id!)).toBe('{"said":"two"}');
    const digest = createHash('sha256').update('{"said":"two"}').digest('hex');
    expect(next.assignment!.checkpoint!.conversation_sha256).toBe(digest);
    expect((await session.folded()).checkpoints).toEqual((await session.view()).checkpoints);
  });

  it('is numbered from 1, and the newest hundred are kept with their artifacts', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    for (let number = 1; number <= 103; number++) agent.send(...checkpoint(`c${number}`));
    const view = await session.view();
    expect(view.checkpoint_count).toBe(100);
    expect(view.checkpoints?.map(({ number }) => number)).toEqual(Array.from({ length: 100 }, (_, index) => index + 4));
    expect((await session.folded()).checkpoints).toEqual(view.checkpoints);
    expect(await read(session, uuidOf('c3 patch'))).toBe('');
    expect(await read(session, uuidOf('c4 patch'))).toContain('diff of c4');
    expect(session.rows('artifacts')).toHaveLength(200);
  });

  it('is confirmed to its sender, or refused: at once, on the next connection, and at the end of the lease', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...checkpoint('one'));
    const stored = agent.head;
    expect(agent.saved).toBe(stored);
    agent.send(...checkpoint('cut off').slice(1));
    expectConsumed(agent);
    expect(agent.saved).toBe(stored);
    agent.saved = 0;
    agent.connect();
    expect(agent.saved).toBe(stored);
    agent.send(...checkpoint('two'), released('shutdown'));
    expect(agent).toMatchObject({ over: 'ended', saved: agent.head - 1 });
    agent.saved = 0;
    expect(agent.connect()).toMatchObject({ over: 'ended', saved: agent.head - 1 });
    await session.advance(1);
    expect(session.agent(2, 'AGENT-TWO').connect().saved).toBe(0);
  });

  it('of work that is as it was a hundred checkpoints ago is stored, and none is refused', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const directory = mkdtempSync(join(tmpdir(), 'oio-checkpoints-'));
    let patch = '';
    const checkpoints = new RunnerCheckpoints(
      {
        opencode: {
          exportConversation: async () => ({
            kind: 'whole',
            format: 'opencode-1',
            bytes: Buffer.from('{}'),
            state: null,
          }),
        },
        worktree: {
          path: join(directory, 'tree'),
          base: 'base',
          verify: async () => patch,
          changes: async () => ({
            patch: Buffer.from(patch),
            tree: patch,
            files: [],
            nested: [],
            changedSubmodules: [],
            leftOut: [],
          }),
        },
        conversationId: '',
        lease: { task_id: TASK_ID, epoch: 1 },
        maxConversationParts: 1,
        commitOf: (tree) => tree,
        report: (frame) => agent.send(frame),
        saved: async () => agent.saved === agent.head,
      },
      [],
      null,
    );
    const position = { turn: 1, messages_done: 1, requested: false };
    const save = (text: string) => {
      patch = text;
      return checkpoints.save(position, new Promise(() => undefined));
    };
    await save('final');
    for (let experiment = 1; experiment <= 101; experiment++) await save(`experiment ${experiment}`);
    await save('final');
    expect(await reasons(session)).toEqual([]);
    const diff = unwrap(await session.runtime.diff(session.call()));
    expect(await read(session, diff.artifact_id!)).toBe('final');
    expect([checkpoints.isWorkSafe, existsSync(join(directory, 'tree.kept'))]).toEqual([true, false]);

    // The session has lost an artifact that the agent believes to be there: the checkpoint is sent again, whole.
    session.platform.transaction(() => session.platform.exec('DELETE FROM artifact_chunks', []));
    await save('final');
    expect(await reasons(session)).toHaveLength(1);
    expect(await read(session, unwrap(await session.runtime.diff(session.call())).artifact_id!)).toBe('final');

    agent.saved = -1;
    agent.read = () => agent;
    await expect(save('never stored')).rejects.toThrow('The session refused it');
    expect([checkpoints.isWorkSafe, existsSync(join(directory, 'tree.kept'))]).toEqual([false, true]);
    rmSync(directory, { recursive: true });
  });

  it('keeps an artifact that a later checkpoint also names', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const shared = artifact('shared', 'the same work');
    agent.send(...shared.chunks);
    for (let number = 1; number <= 102; number++) {
      agent.send(...checkpoint(`c${number}`, { patch: shared.part }).slice(-2));
    }
    expect(await read(session, shared.part.artifact_id)).toBe('the same work');
  });

  it('keeps the parts of a conversation as long as a kept checkpoint names them, and the next lease gets all', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    expect(agent.assignment).toMatchObject({ max_conversation_parts: 20, takes_tool_output: true });
    const old = conversationOf('old', ['old 1', 'old 2']);
    agent.send(...old.chunks, checkpoint('first', { patch: null, conversation: old.conversation }).at(-1)!);
    const grown = conversationOf('grown', ['grown 1', 'grown 2', 'grown 3']);
    agent.send(...grown.chunks);
    for (let number = 1; number <= 100; number++)
      agent.send(checkpoint(`c${number}`, { patch: null, conversation: grown.conversation }).at(-1)!);
    expect(await reasons(session)).toEqual([]);
    expect(await read(session, uuidOf('old 1'))).toBe('');
    agent.send(released('shutdown'));
    await session.advance(1);
    const { checkpoint: next } = session.agent(2, 'AGENT-TWO').connect().assignment!;
    const parts = [...next!.conversation_parts!.map(({ artifact_id }) => artifact_id), next!.conversation_artifact_id!];
    expect(await Promise.all(parts.map((id) => read(session, id)))).toEqual(['grown 1', 'grown 2', 'grown 3']);
    expect(next!.conversation_bytes).toBe(21);
  });

  it('whose conversation lacks a part is refused', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const { chunks, conversation } = conversationOf('cut', ['cut 1', 'cut 2']);
    agent.send(...chunks.slice(1), checkpoint('one', { patch: null, conversation }).at(-1)!);
    expect(await reasons(session)).toEqual([`artifact ${uuidOf('cut 1')} is incomplete`]);
  });

  it('says when its patch stayed on the agent’s machine', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(checkpoint('big', { patch: null, conversation: null, local_only: true }).at(-1)!);
    expect(unwrap(await session.runtime.diff(session.call()))).toMatchObject({ local_only: true, artifact_id: null });
  });

  it.each([
    { what: 'a missing chunk', frames: checkpoint('x').slice(1) },
    { what: 'a chunk out of order', frames: [checkpoint('x')[1]!, ...checkpoint('x').slice(3)] },
    { what: 'no chunks', frames: checkpoint('x').slice(-1) },
  ])('with $what is rejected and recorded, and the stream continues', async ({ frames }) => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...frames, note('after'));
    expectConsumed(agent);
    expect(await session.view()).toMatchObject({ checkpoint_count: 0, status: 'running' });
    expect(await reasons(session)).toContain(`artifact ${uuidOf('x patch')} is incomplete`);
    agent.send(...checkpoint('y'));
    expect(await session.view()).toMatchObject({ checkpoint_count: 1 });
  });

  it('with chunks over the limit is rejected and recorded', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const data = Buffer.alloc(196_609).toString('base64');
    agent.send({ type: 'artifact.chunk', data: { artifact_id: uuidOf('fat'), index: 0, data } });
    expectConsumed(agent);
    expect(await reasons(session)).toEqual(['a chunk holds at most 196608 bytes']);
  });

  it('cannot use the chunks of another lease', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...checkpoint('one'), released('shutdown'));
    await session.advance(1);
    const next = session.agent(2, 'AGENT-TWO').connect();
    next.send(...checkpoint('one'));
    expectConsumed(next);
    expect(await session.view()).toMatchObject({ checkpoint_count: 1 });
    expect(await reasons(session)).toContain('the artifact belongs to another lease');
  });

  it('that was never completed leaves no chunks after the end of its lease', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...checkpoint('whole'), ...checkpoint('half').slice(0, -1), released('lost'));
    expect(
      session
        .rows<{ id: string }>('artifacts')
        .map(({ id }) => id)
        .sort(),
    ).toEqual([uuidOf('whole patch'), uuidOf('whole conversation')].sort());
  });

  it('can name only the newest of the artifacts that were sent for none, so that an agent cannot fill the storage', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...checkpoint('kept'));
    const sent = Array.from({ length: 30 }, (_, index) => artifact(`artifact ${index}`, `content ${index}`));
    for (const { chunks } of sent) agent.send(...chunks);
    expect(session.rows('artifacts')).toHaveLength(2 + 8);
    expect(await read(session, sent[29]!.part.artifact_id)).toBe('content 29');
    expect(await read(session, uuidOf('kept conversation'))).toBe('{"said":"kept"}');
    agent.send({ ...checkpoint('late').at(-1)! });
    expectConsumed(agent);
    expect(await reasons(session)).toEqual([expect.stringContaining('is incomplete')]);
  });

  it('can be requested from the running agent; without one, the request gets a 409', async () => {
    const session = new SessionInProcess();
    await session.create();
    expect(failureOf(await session.runtime.requestCheckpoint(session.call())).code).toBe('no_running_agent');
    await session.act('start');
    const agent = session.agent().connect();
    expect(unwrap(await session.runtime.requestCheckpoint(session.call()))).toEqual({ requested: true });
    expect(agent.commandsOf('checkpoint')).toEqual([{}]);
    agent.send(...checkpoint('asked', { requested: true }));
    expect((await session.view()).checkpoints).toMatchObject([{ number: 1, requested: true }]);
  });
});

it('the session requests one checkpoint at a time from an agent', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  for (let n = 0; n < 3; n++) await session.runtime.requestCheckpoint(session.call());
  expect(agent.commandsOf('checkpoint')).toHaveLength(1);
  agent.acknowledge(...agent.commands.map(({ id }) => id));
  await session.runtime.requestCheckpoint(session.call());
  expect(agent.commandsOf('checkpoint')).toHaveLength(2);
});
