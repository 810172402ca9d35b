import { describe, expect, it } from 'vitest';
import { NO_PORTS } from '../../../durable-objects/context/ports.ts';
import type { ContextRecord } from '../../../src/ports/context-archive.ts';
import type { NewContext } from '../../../src/ports/contexts.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import { MemoryContextArchive } from '../../support/memory-context-archive.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { valueIn } from '../../support/value-in.ts';
import { callIn } from '../ports/workspace.contract.ts';

const ID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';
const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const CALL = callIn('default');

/** Postgres, which counts its messages and can be away. */
class Postgres extends MemoryContextArchive {
  messages = 0;
  isAway = false;

  override async put(record: ContextRecord): Promise<boolean> {
    if (this.isAway) throw new Error('Postgres cannot be reached');
    this.messages++;
    return super.put(record);
  }
}

const GLOBAL: NewContext = { id: ID, name: 'main', scope: 'global', session_id: null, agent_id: null };

async function home(changes: Partial<NewContext> = {}) {
  const postgres = new Postgres();
  const platform = new NodePlatform();
  const context = new ContextInProcess(platform, { ...NO_PORTS, archive: postgres });
  valueIn(context.runtime.create(CALL, { ...GLOBAL, ...changes }, { build: { status: 1 } }));
  await platform.settle();
  const update = (n: number) => valueIn(context.runtime.update(CALL, { updates: { n } }));
  const listed = () => postgres.list('default', {}, null, 10);
  return { postgres, platform, context, update, listed };
}

describe('Postgres', () => {
  it('has a global context with the data of its newest version', async () => {
    const { postgres, platform, update, listed } = await home();
    expect(await postgres.read('default', ID)).toMatchObject({ version: 1, data: '{"build":{"status":1}}' });
    expect(await postgres.list('default', { q: 'STATUS' }, null, 1)).toMatchObject([{ id: ID, scope: 'global' }]);
    update(2);
    await platform.settle();
    expect(await postgres.read('default', ID)).toMatchObject({ version: 2, data: '{"build":{"status":1},"n":2}' });
    expect(await listed()).toMatchObject([{ version: 2, updated_by: { token_id: 'static' } }]);
  });

  it('has what lists show of any other context at once, and its changes within seconds as one message', async () => {
    const { postgres, context, update, listed } = await home({ scope: 'session', session_id: SESSION });
    expect(await listed()).toMatchObject([{ id: ID, session_id: SESSION, version: 1 }]);
    for (const n of [1, 2, 3]) update(n);
    await context.advance(1_000);
    expect(postgres.messages).toBe(1);
    await context.advance(10_000);
    expect(postgres.messages).toBe(2);
    expect(await postgres.list('default', { session_id: SESSION, q: 'n' }, null, 1)).toMatchObject([{ version: 4 }]);
    expect(await postgres.read('default', ID)).toBeNull();
  });

  it('hears of the newest version when it is back, also after the home was evicted', async () => {
    const { postgres, context, update, listed } = await home();
    postgres.isAway = true;
    for (const n of [1, 2, 3]) update(n);
    await context.advance(60_000);
    context.evict();
    update(4);
    postgres.isAway = false;
    await context.advance(3_600_000);
    expect(await listed()).toMatchObject([{ version: 5 }]);
    expect(postgres.messages).toBe(2);
    expect(JSON.stringify(context.platform.dump())).not.toContain('archive');
  });

  it('lists no deleted context', async () => {
    const { postgres, platform, context, update, listed } = await home();
    update(1);
    valueIn(context.runtime.remove(CALL));
    await platform.settle();
    expect(await listed()).toEqual([]);
    expect(await postgres.read('default', ID)).toBeNull();
    valueIn(context.runtime.create(CALL, GLOBAL, { again: true }));
    await platform.settle();
    expect(await postgres.read('default', ID)).toMatchObject({ version: 3, data: '{"again":true}' });
  });

  it('costs no row if there is none', () => {
    const context = new ContextInProcess();
    valueIn(context.runtime.create(CALL, GLOBAL, {}));
    valueIn(context.runtime.update(CALL, { updates: { n: 1 } }));
    expect(context.platform.dump()).toMatchObject({ outbox: [], deadlines: [], $alarm: null });
  });
});
