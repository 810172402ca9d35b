import { expect } from 'vitest';
import { InjectedFault, NodePlatform } from './node-platform.ts';

/**
 * Shows that a mutation is atomic. Runs it with a throw before its first step, then before its second, and so on. After
 * each throw, all stored rows and the alarm must be unchanged. All runs use one object, so that its memory has seen
 * every throw when the mutation finally succeeds. Then its state must equal that of an object without throws.
 *
 * Throws happen only before the first await of `mutate`, because a mutation commits there. A mutation that commits
 * nothing there fails the test.
 *
 * @param setup creates the object in the state in which the mutation applies
 * @param mutate must be the same each time; may return a promise
 * @param observe other values that must not change, such as sent frames
 * @returns the number of steps of the mutation
 */
export async function everyStatement<S>(
  setup: (platform: NodePlatform) => S | Promise<S>,
  mutate: (subject: S, platform: NodePlatform) => unknown,
  observe: (subject: S, platform: NodePlatform) => unknown = () => null,
): Promise<number> {
  const prepare = async () => {
    const platform = new NodePlatform();
    // Hundreds of intended throws would each write a line.
    platform.logger = () => {};
    const subject = await setup(platform);
    await platform.settle();
    return { platform, subject, state: () => ({ stored: platform.dump(), observed: observe(subject, platform) }) };
  };
  const undisturbed = await prepare();
  await mutate(undisturbed.subject, undisturbed.platform);
  const expected = structuredClone(undisturbed.state());

  const { platform, subject, state } = await prepare();
  const before = structuredClone(state());
  const { seed } = platform;
  for (let step = 1; ; step++) {
    platform.seed = seed;
    platform.failAt(step);
    const attempt = start(() => mutate(subject, platform));
    const disturbed = !platform.faultPending;
    platform.failAt(Number.POSITIVE_INFINITY);
    if (!disturbed) {
      await attempt;
      expect(step, 'the mutation commits nothing before it first awaits').toBeGreaterThan(1);
      expect(state(), 'after a throw before each step, and then none').toEqual(expected);
      return step - 1;
    }
    await expect(attempt, `the throw before step ${step} reaches the caller`).rejects.toThrow(InjectedFault);
    expect(state(), `after a throw before step ${step}`).toEqual(before);
  }
}

async function start(call: () => unknown): Promise<unknown> {
  return await call();
}
