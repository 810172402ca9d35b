import { expect } from 'vitest';
import { InjectedFault, NodePlatform } from './node-platform.ts';

/**
 * Shows that a mutation happens wholly or not at all: runs it once for each of its steps with a throw before that step,
 * each time on a new object, and asserts that everything stored and the alarm are as before; then that the same
 * mutation on the same runtime, whose memory has seen the throw, comes to the very state of one that was never
 * disturbed.
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
    const subject = await setup(platform);
    await platform.settle();
    return { platform, subject, state: () => ({ stored: platform.dump(), observed: observe(subject, platform) }) };
  };
  const undisturbed = await prepare();
  await mutate(undisturbed.subject, undisturbed.platform);
  const expected = undisturbed.state();

  for (let step = 1; ; step++) {
    const { platform, subject, state } = await prepare();
    const before = structuredClone(state());
    const { seed } = platform;
    platform.failAt(step);
    const attempt = start(() => mutate(subject, platform));
    const disturbed = !platform.faultPending;
    platform.failAt(Number.POSITIVE_INFINITY);
    if (!disturbed) {
      await attempt;
      expect(step, 'the mutation commits nothing before it first awaits').toBeGreaterThan(1);
      return step - 1;
    }
    await expect(attempt, `the throw before step ${step} reaches the caller`).rejects.toThrow(InjectedFault);
    expect(state(), `after a throw before step ${step}`).toEqual(before);
    platform.seed = seed;
    await mutate(subject, platform);
    expect(state(), `after a throw before step ${step} and the same again`).toEqual(expected);
  }
}

async function start(call: () => unknown): Promise<unknown> {
  return await call();
}
