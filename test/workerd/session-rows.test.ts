import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { proofOf } from '../../durable-objects/kit/crypto/offer-proof.ts';
import { acceptSocket, durablePlatform } from '../../durable-objects/kit/platform/durable-object.ts';
import type { ObjectPlatform } from '../../durable-objects/kit/platform/platform.ts';
import { DEFAULT_SESSION_CONFIG } from '../../durable-objects/session/config.ts';
import { newRunSocket, RUN_TAG } from '../../durable-objects/session/run/run-sockets.ts';
import { buildSession } from '../../durable-objects/session/runtime.ts';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import { directoryName } from '../../src/adapters/objects/names.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import { requested, sessionObject } from './support/session-in-workerd.ts';

/** A session's runtime inside an object, on a platform that counts the billed rows. */
function counted(state: DurableObjectState, workspace: string) {
  let written = 0;
  const platform: ObjectPlatform = {
    ...durablePlatform(state, consoleLogger('warn')),
    exec: (query, bindings) => {
      const cursor = state.storage.sql.exec(query, ...bindings);
      const rows = cursor.toArray();
      written += cursor.rowsWritten;
      return rows as never;
    },
  };
  const nothing = async () => undefined as never;
  const registry = {
    reserve: async () => ({ state: 'queued' as const, place: 1 }),
    cancel: nothing,
    release: nothing,
  };
  const directory = { put: nothing, remove: nothing };
  const runtime = buildSession(
    workspace,
    platform,
    {
      registry: registry as never,
      directory: directory as never,
      history: { record: nothing, recordRun: nothing, runsOf: async () => [] },
    },
    DEFAULT_SESSION_CONFIG,
  );
  const rowsOf = async (step: () => unknown): Promise<number> => {
    written = 0;
    await step();
    await Promise.resolve();
    await runtime.parts.kit.outbox.settled('registry');
    await runtime.parts.kit.outbox.settled('directory');
    await runtime.parts.kit.outbox.settled('history');
    return written;
  };
  return { runtime, rowsOf };
}

/**
 * The billed rows of each step, including deliveries to other stores. The bounds are measured values, so that an
 * increase is a decision and not an accident.
 */
it('the billed rows of each step of the main job do not change unnoticed', async () => {
  const { workspace, id, call } = sessionObject();
  const stub = env.DIRECTORY.getByName(directoryName(`rows-${crypto.randomUUID()}`));
  await runInDurableObject(stub, async (_instance, state) => {
    const { runtime, rowsOf } = counted(state, workspace);
    const create = await rowsOf(() => runtime.create(call, id, requested()));
    const start = await rowsOf(() => runtime.act(call, { action: 'start' }));

    const { socket } = acceptSocket(
      state,
      [RUN_TAG],
      newRunSocket(taskIdOf(id, 1), 1, { token_id: 'agent-token' }, 'c'),
    );
    const send = (frame: unknown) => runtime.sockets.receive(socket, JSON.stringify(frame));
    const [agent_id, instance_id, stream_id] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
    const agent = { agent_id, instance_id, agent_name: 'AGENT-ONE', repository: null };
    const proof = proofOf(runtime.parts.reservations.proofKey(1), { ...agent, token_id: 'agent-token' });
    const present = { type: 'present', ...agent, stream_id, head: 0, proof };
    const lease = await rowsOf(() => send(present));

    const deltas = Array.from({ length: 10 }, (_, index) => ({
      n: index + 1,
      type: 'text.delta',
      data: { message_id: 'm', part_id: 'p', offset: index, text: 'x' },
    }));
    const tenDeltas = await rowsOf(() => send({ type: 'frames', frames: deltas }));
    const done = { n: 11, type: 'part.completed', data: { message_id: 'm', part_id: 'p', length: 10 } };
    const partDone = await rowsOf(() => send({ type: 'frames', frames: [done] }));
    const result = {
      n: 12,
      type: 'result',
      data: { status: 'completed', text: 'Done.', messages_done: 1, error: null },
    };
    const finished = await rowsOf(() => send({ type: 'frames', frames: [result] }));
    expect({ create, start, lease, tenDeltas, partDone, finished }).toEqual({
      create: 45,
      start: 5,
      lease: 7,
      tenDeltas: 3,
      partDone: 1,
      finished: 7,
    });
  });
});
