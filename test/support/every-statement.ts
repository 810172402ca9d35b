import { expect } from 'vitest';
import { InjectedFault, NodePlatform } from './node-platform.ts';

/**
 * Shows that a mutation happens wholly or not at all: runs it with a throw before its first step, then before its second,
 * and so on, and asserts after each throw that everything stored and the alarm are as before. A throw changes nothing, so
 * all of this happens to one object, whose memory has seen every throw when the mutation at last succeeds. It must then be
 * in the very state of an object that was never disturbed.
 *
 * Only what `mutate` does before it first awaits is disturbed: that is where a mutation commits. A mutation that
 * commits nothing there fails the test.
 *
 * @param setup makes the object and brings it to where the mutation applies
 * @param mutate must be the same each time; may return a promise
 * @param observe more that must stay as it was: frames sent, say
 * @returns how many steps the mutation takes
 */
export async function everyStatement<S>(
  setup: (platform: NodePlatform) => S | Promise<S>,
  mutate: (subject: S, platform: NodePlatform) => unknown,
  observe: (subject: S, platform: NodePlatform) => unknown = () => null,
): Promise<number> {
  const prepare = async () => {
    const platform = new NodePlatform();
    // Hundreds of throws that are meant would each write a line.
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
