import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { TestProject } from 'vitest/node';
import setUpSharedFleet from '../journeys/support/shared-fleet.setup.ts';
import type { FleetAddress } from './support/fleet.ts';
import { descendantsOf } from './support/launcher.ts';

it('the set-up of the shared fleet ends every process and removes its files if its last step fails', async () => {
  let fleet: FleetAddress | undefined;
  const provide = (_: string, address: FleetAddress) => {
    fleet = address;
    throw new Error('refused');
  };
  const before = descendantsOf(process.pid);
  await expect(setUpSharedFleet({ provide } as unknown as TestProject)).rejects.toThrow('refused');
  expect(existsSync(fleet!.path)).toBe(false);
  const known = new Set(before.map(({ pid }) => pid));
  expect(descendantsOf(process.pid).filter(({ pid }) => !known.has(pid))).toEqual([]);
});
