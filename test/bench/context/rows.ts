import { NO_PORTS } from '../../../durable-objects/context/ports.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { MergeSource, NewContext } from '../../../src/ports/contexts.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import { MemoryContextArchive } from '../../support/memory-context-archive.ts';
import { MemoryContextCopies } from '../../support/memory-context-copies.ts';
import { valueIn } from '../../support/value-in.ts';
import { callIn } from '../../unit/ports/workspace.contract.ts';
import { CountingPlatform, type Writes } from '../counting-platform.ts';

/** What a step writes to the object, with what follows from it until nothing waits. */
export interface StepWrites {
  step: string;
  writes: Writes;
  /** Messages to Redis and to Postgres. */
  redis: number;
  postgres: number;
}

const CONTEXT: NewContext = {
  ...{ id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', name: 'main', scope: 'agent' },
  ...{ session_id: null, agent_id: null },
};
const DAY_MS = 86_400_000;
/** So many changes fold their history once. */
const MANY = 400;
/** Longer than lists may be behind. */
const LISTED_MS = 6_000;

/** Counts the writes of one context's life. Two runs give the same numbers, because the clock stands still. */
export async function countWrites(): Promise<StepWrites[]> {
  const platform = new CountingPlatform();
  const messages = { redis: 0, postgres: 0 };
  const home = new ContextInProcess(platform, {
    ...NO_PORTS,
    copies: counted(new MemoryContextCopies(), () => messages.redis++),
    archive: counted(new MemoryContextArchive(), () => messages.postgres++),
  });
  const steps: StepWrites[] = [];
  const step = async (name: string, act: () => Promise<unknown>) => {
    const [before, sent] = [platform.writes, { ...messages }];
    await act();
    await platform.settle();
    const after = platform.writes;
    const members = Object.keys(after) as (keyof Writes)[];
    const writes = Object.fromEntries(members.map((name) => [name, after[name] - before[name]])) as unknown as Writes;
    steps.push({
      step: name,
      writes,
      redis: messages.redis - sent.redis,
      postgres: messages.postgres - sent.postgres,
    });
  };
  let n = 0;
  const change = async (call: Call) => valueIn(await home.update(call, { [`key-${n % 20}`]: n++ }));
  const plain = callIn('default');

  await step('create', () => home.create(plain, CONTEXT, {}));
  await home.advance(LISTED_MS);
  await step('change', () => change(plain));
  await step('the next change, within five seconds', () => change(plain));
  await step('change, with an idempotency key', () => change(callIn('default', 'once')));
  await step('its list in Postgres, after five seconds', () => home.advance(LISTED_MS));
  await step('read', () => home.read(plain));
  await step(`${MANY} changes, with one fold of the history`, async () => {
    for (let index = 0; index < MANY; index++) await change(plain);
  });
  await home.advance(LISTED_MS);
  await step('merge of one context, with two conflicts', () => merge(home, { 'key-0': -1, 'key-1': -1, more: 1 }));
  await step('answer to a conflict', () => home.call('resolve', plain, 1, { choose: 'source' }));
  await home.advance(LISTED_MS);
  await step('retirement', () => home.advance(8 * DAY_MS));
  await step('read of a retired context', () => home.read(plain));
  await step('change of a retired context', () => change(plain));
  platform.close();
  return steps;
}

async function merge(home: ContextInProcess, data: MergeSource['data']): Promise<void> {
  const stamps = { stamp: { version: 1, at: 1, by: 'bench' } };
  const source = { id: 'source', version: 1, data, stamps, secret_paths: [], keys: null, base: null, taken: null };
  valueIn(await home.call('merge', callIn('default'), { strategy: 'manual', sources: [source] }));
}

/** A store whose calls are counted. */
function counted<Store extends object>(store: Store, count: () => void): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const method = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => {
        count();
        return Reflect.apply(method, target, args);
      };
    },
  });
}
