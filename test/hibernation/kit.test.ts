import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import type { Destination } from '../../durable-objects/kit/delivery/outbox.ts';
import { durablePlatform } from '../../durable-objects/kit/platform/durable-object.ts';
import { buildKit } from '../../durable-objects/kit/runtime.ts';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import { directoryName } from '../../src/adapters/objects/names.ts';
import { eventually } from '../support/eventually.ts';
import { hello, slotRequest } from '../unit/ports/agent-registry.fixture.ts';
import { directoryEntry } from '../unit/ports/directory.contract.ts';
import { controlLink, openControl, registryObject } from '../workerd/support/registry-in-workerd.ts';
import { expectToSleep, isSameInstance, SLEEP_TIMEOUT_MS } from './sleep.ts';

function directory(): DurableObjectStub {
  return env.DIRECTORY.getByName(directoryName(`hibernation-${crypto.randomUUID()}`));
}

/** Lets an object deliver to a destination until a delivery has failed once. */
async function drainTo(stub: DurableObjectStub, destination: Destination): Promise<void> {
  await runInDurableObject(stub, async (_instance, state) => {
    const kit = buildKit(durablePlatform(state, consoleLogger('warn')), { object: 'Test', steps: [] }, [destination]);
    kit.store.create(() => kit.outbox.put(destination.name, 'a', 1));
    await eventually(() => expect(kit.store.rows(`SELECT failures FROM destinations`)).toEqual([{ failures: 1 }]));
    // What the destination's next attempt would do is not the question here.
    kit.store.transact(() => kit.store.rows(`DELETE FROM destinations`));
  });
}

it.concurrent('an object sleeps after its work, with its sockets open', { timeout: SLEEP_TIMEOUT_MS }, async () => {
  const { workspace, stub } = registryObject();
  const agent = controlLink(await openControl(stub, workspace, crypto.randomUUID()));
  agent.send(hello());
  await eventually(() => expect(agent.frames).toHaveLength(1));
  await expectToSleep(stub);
  await stub.reserve(slotRequest(1));
  await eventually(() => expect(agent.frames.at(-1)).toMatchObject({ type: 'offer' }));
});

it.concurrent('the directory sleeps after a write and a list', { timeout: SLEEP_TIMEOUT_MS }, async () => {
  const workspace = `hibernation-${crypto.randomUUID()}`;
  const stub = env.DIRECTORY.getByName(directoryName(workspace));
  await stub.put(directoryEntry(1));
  await expectToSleep(stub);
});

it.concurrent('an object sleeps after a drain to a backend that refuses connections', {
  timeout: SLEEP_TIMEOUT_MS,
}, async () => {
  const stub = directory();
  await drainTo(stub, {
    name: 'refused',
    deliver: async (_key, _payload, signal) => {
      await fetch('http://127.0.0.1:1/', { signal });
    },
  });
  await expectToSleep(stub);
});

it.concurrent('an object sleeps after a drain to a backend that never answers', {
  timeout: SLEEP_TIMEOUT_MS,
}, async () => {
  const stub = directory();
  await drainTo(stub, { name: 'hung', deliver: () => new Promise(() => {}) });
  await expectToSleep(stub);
});

it.concurrent('an object that holds a timer does not sleep, which shows that these tests can fail', {
  timeout: SLEEP_TIMEOUT_MS,
}, async () => {
  const stub = directory();
  const timer = await runInDurableObject(stub, () => setInterval(() => {}, 1_000));
  const [other] = [directory()];
  await Promise.all([expectToSleep(other), isSameInstance(stub)]);
  expect(await isSameInstance(stub)).toBe(true);
  await runInDurableObject(stub, () => clearInterval(timer));
});
