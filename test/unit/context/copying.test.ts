import { expect, it, vi } from 'vitest';
import { NO_PORTS } from '../../../durable-objects/context/ports.ts';
import { COPY_TTL_MS, type ContextCopy } from '../../../src/ports/context-copies.ts';
import type { MergeInto, NewContext } from '../../../src/ports/contexts.ts';
import type { ContextData } from '../../../src/protocol/context/context.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import { MemoryContextCopies } from '../../support/memory-context-copies.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { valueIn } from '../../support/value-in.ts';
import { callIn } from '../ports/workspace.contract.ts';

const ID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';
const CALL = callIn('default');
const CONTEXT: NewContext = { id: ID, name: 'main', scope: 'agent', session_id: null, agent_id: null };

/** Redis, which counts its messages, can be away, and can keep a message on its way. */
class Redis extends MemoryContextCopies {
  messages: number[] = [];
  /** The messages that have been sent, with those that are on their way. */
  sent = 0;
  isAway = false;
  held: Promise<void> = Promise.resolve();

  override async set(workspace: string, id: string, copy: ContextCopy): Promise<void> {
    this.sent++;
    await this.held;
    if (this.isAway) throw new Error('Redis cannot be reached');
    this.messages.push(copy.version);
    await super.set(workspace, id, copy);
  }
}

async function home(changes: Partial<NewContext> = {}) {
  const redis = new Redis();
  const platform = new NodePlatform();
  const context = new ContextInProcess(platform, { ...NO_PORTS, copies: redis });
  valueIn(await context.create(CALL, { ...CONTEXT, ...changes }, { list: [] }));
  await platform.settle();
  const write = async (n: number) => valueIn(await context.update(CALL, { n }));
  const copied = async () => {
    await platform.settle();
    return redis.get('default', ID);
  };
  return { redis, platform, context, write, copied };
}

it('after each commit the copy is what the API shows, and costs no row', async () => {
  const { context, platform, write, copied } = await home();
  await write(1);
  const { text } = (await copied())!;
  expect(JSON.parse(text!)).toEqual(valueIn(await context.read(CALL)));
  expect(platform.dump()).toMatchObject({ outbox: [], deadlines: [] });
});

it('changes while a copy is on its way are one copy more', async () => {
  const { redis, write, copied } = await home();
  let release = () => {};
  redis.held = new Promise((resolve) => {
    release = resolve;
  });
  await write(1);
  await vi.waitFor(() => expect(redis.sent).toBe(2));
  for (const n of [2, 3, 4]) await write(n);
  release();
  expect(await copied()).toMatchObject({ version: 5 });
  expect(redis.messages).toEqual([1, 2, 5]);
});

it('changes in the same turn are one copy, which is set after their answers', async () => {
  const { redis, write, copied } = await home();
  for (const n of [1, 2, 3]) await write(n);
  expect(redis.messages).toEqual([1]);
  expect(await copied()).toMatchObject({ version: 4 });
  expect(redis.messages).toEqual([1, 4]);
});

it('a copy that could not be set, or has vanished, is set by a later read at the home', async () => {
  const { redis, platform, context, write, copied } = await home();
  redis.isAway = true;
  await write(1);
  expect(await copied()).toMatchObject({ version: 1 });
  redis.isAway = false;
  await context.read(CALL);
  expect(await copied()).toMatchObject({ version: 2 });
  redis.copies.clear();
  context.evict();
  await context.read(CALL);
  expect(await copied()).toMatchObject({ version: 2 });
  redis.copies.clear();
  platform.clock += 3_600_000;
  await context.read(CALL);
  expect(await copied()).toMatchObject({ version: 2 });
  redis.messages = [];
  for (const _ of [1, 2, 3]) await context.read(CALL);
  expect(redis.messages).toEqual([]);
});

it('the copy of a deleted context is taken from readers, also if Redis is away at that time', async () => {
  const { redis, context, write, copied } = await home();
  await write(1);
  await copied();
  redis.isAway = true;
  valueIn(await context.remove(CALL));
  redis.isAway = false;
  await context.advance(60_000);
  expect(await copied()).toEqual({ version: 2, text: null });
});

it('a deletion and a new secret are acknowledged after the copy was taken from readers', async () => {
  const { redis, context, write, copied } = await home();
  await write(1);
  await copied();
  valueIn(await context.call('update', CALL, { updates: {}, secret_paths: ['n'] }));
  expect(await redis.get('default', ID)).toEqual({ version: 2, text: null });
  await context.remove(CALL);
  expect(await redis.get('default', ID)).toMatchObject({ text: null });
});

it('the outbox stops trying to take a copy from readers when the copy has vanished by itself', async () => {
  const { redis, context, platform, write, copied } = await home();
  await write(1);
  await copied();
  redis.isAway = true;
  valueIn(await context.remove(CALL));
  const { sent } = redis;
  await context.advance(COPY_TTL_MS + 30_000);
  expect(redis.sent).toBeGreaterThan(sent);
  expect(platform.dump()).toMatchObject({ outbox: [], destinations: [] });
  expect(platform.alarm).toBeNull();
});

it('global contexts have no copy', async () => {
  const { write, copied } = await home({ scope: 'global' });
  await write(1);
  expect(await copied()).toBeNull();
});

const STAMPS = { stamp: { version: 1, at: 1, by: 'x' } };
const merge = (data: ContextData, taken: number | null): MergeInto => ({
  strategy: 'manual',
  sources: [{ id: 'S', version: 3, data, secret_paths: [], stamps: STAMPS, keys: null, base: null, taken }],
});

it.each<[string, (context: ContextInProcess) => Promise<unknown>]>([
  ['a link', (context) => context.call('link', CALL, { id: 'S', keys: null })],
  ['the end of a link', (context) => context.call('unlink', CALL, 'S')],
  ['a merge that changes no data', (context) => context.call('merge', CALL, merge({ a: 1 }, 3))],
  [
    'a conflict that is decided for the present value',
    (context) => context.call('resolve', CALL, 1, { choose: 'current' }),
  ],
])('%s takes copies that do not show it from readers', async (_, change) => {
  const { context, write, copied } = await home();
  await context.call('merge', CALL, merge({ a: 1, list: 1 }, null));
  const { version, text } = (await copied())!;
  expect(JSON.parse(text!)).toMatchObject({ version: 2, open_conflicts: 1 });
  expect(await change(context)).toMatchObject({ ok: true });
  expect(await copied()).toEqual({ version, text: null });
  await write(1);
  expect(JSON.parse((await copied())!.text!)).toEqual(valueIn(await context.read(CALL)));
});
