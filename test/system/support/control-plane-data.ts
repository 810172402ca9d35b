import { expect } from 'vitest';
import { checkedClient } from '../../support/checked-client.ts';
import { eventually } from '../../support/eventually.ts';
import { descendantsOf, type Launcher, lives } from './launcher.ts';

const NAMES = ['one', 'three', 'two'];

/** Creates tokens by name, which the control plane acknowledges. */
export async function makeTokens(launcher: Launcher): Promise<void> {
  const { url, token } = launcher.server();
  const { tokens } = checkedClient({ baseUrl: url, token });
  for (const name of NAMES) await tokens.create({ name, role: 'viewer' });
}

/** Expects all tokens of `makeTokens` as soon as the control plane responds. */
export async function expectTokens(launcher: Launcher): Promise<void> {
  await eventually(async () => {
    const { url, token } = launcher.server();
    const list = await checkedClient({ baseUrl: url, token }).tokens.list();
    expect(list.map(({ name }) => name).sort()).toEqual(NAMES);
  });
}

/** Stops a launcher and expects that none of its processes is left. */
export async function expectCleanEnd(launcher: Launcher, end: () => Promise<number | null>): Promise<void> {
  const processes = descendantsOf(launcher.process.pid);
  expect(processes.length).toBeGreaterThanOrEqual(4);
  expect(await end()).toBe(0);
  expect(processes.filter(lives)).toEqual([]);
}
