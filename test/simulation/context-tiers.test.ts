import { expect, it } from 'vitest';
import type { ContextRecord } from '../../src/ports/context-archive.ts';
import type { ContextCopy } from '../../src/ports/context-copies.ts';
import { MemoryContextArchive } from '../support/memory-context-archive.ts';
import { MemoryContextCopies } from '../support/memory-context-copies.ts';
import { seeds } from '../support/seeds.ts';
import { ContextWorld } from './support/context-world.ts';

const STEPS = 200;

it('through failures of Redis and Postgres, crashes, retirement and warming, every law of contexts holds', async () => {
  const sum = { writes: 0, retired: 0, unavailable: 0 };
  for (const seed of seeds(5)) {
    const world = new ContextWorld(seed);
    await world.run(STEPS);
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += world.counts[name];
  }
  // The simulation reaches what it is about.
  expect(sum.writes).toBeGreaterThan(100);
  expect(sum.retired).toBeGreaterThan(20);
  expect(sum.unavailable).toBeGreaterThan(0);
});

/** The first violation that some seeds find. */
async function violation(world: (seed: number) => ContextWorld): Promise<string> {
  for (const seed of seeds(60)) {
    const found = await world(seed)
      .run(STEPS)
      .then(() => null, String);
    if (found) return found;
  }
  return 'none';
}

it('a Postgres that lets a late message go back is found', async () => {
  class Careless extends MemoryContextArchive {
    override async put(record: ContextRecord): Promise<boolean> {
      this.rows.set(`${record.workspace}/${record.id}`, record);
      return true;
    }
  }
  expect(await violation((seed) => new ContextWorld(seed, { archive: new Careless() }))).toMatch(
    /^Error: seed \d+, step \d+: .*\((stored|available|lists)\)/,
  );
});

it('a copy that claims to be newer than it is, is found', async () => {
  class Careless extends MemoryContextCopies {
    override async get(workspace: string, id: string): Promise<ContextCopy | null> {
      const copy = await super.get(workspace, id);
      return copy && { ...copy, version: copy.version + 1 };
    }
  }
  expect(await violation((seed) => new ContextWorld(seed, { copies: new Careless() }))).toMatch(/\(not_older\)/);
});
