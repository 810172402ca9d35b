import { runInDurableObject } from 'cloudflare:test';
import { expect, vi } from 'vitest';

/** The platform evicts an object after ten idle seconds. More frequent calls would keep it awake. */
const LOOK_EVERY_MS = 12_000;
export const SLEEP_TIMEOUT_MS = 90_000;

const instances = new WeakSet<object>();

/** Whether the object is still the instance of the last call. Remembers the current instance. */
export async function isSameInstance(stub: DurableObjectStub): Promise<boolean> {
  return await runInDurableObject(stub, (instance: object) => {
    const seen = instances.has(instance);
    instances.add(instance);
    return seen;
  });
}

/** Waits until the object was evicted, so that the next call creates another instance. */
export async function expectToSleep(stub: DurableObjectStub): Promise<void> {
  await isSameInstance(stub);
  await vi.waitFor(async () => expect(await isSameInstance(stub)).toBe(false), {
    interval: LOOK_EVERY_MS,
    timeout: SLEEP_TIMEOUT_MS,
  });
}
