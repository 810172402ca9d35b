import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { durablePlatform } from '../../durable-objects/kit/durable-object.ts';
import { WorkspaceRuntime } from '../../durable-objects/workspace/runtime.ts';
import { workspaceName } from '../../src/adapters/objects/names.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { SocketPlace, WorkspaceApi } from '../../src/ports/workspace.ts';
import type { Outcome } from '../../src/protocol/errors.ts';
import { newWorkspace, SESSION_ID } from './http-support.ts';

const TABLES = ['deadlines', 'outbox', 'outbox_lanes', 'idempotency', 'tokens', 'used_codes', 'socket_places'];
const PLACE: SocketPlace = { kind: 'session', id: SESSION_ID };
const REQUEST = { name: 'ci', role: 'viewer', expires_in_seconds: 60 } as const;

function callIn(workspace: string, key: string | null = null, fingerprint = 'f1'): Call {
  const idempotency = key === null ? null : { key, fingerprint };
  return { principal: { workspace, role: 'admin', token_id: 'static' }, request_id: 'r', idempotency };
}

function objectOf(workspace: string) {
  const stub = env.WORKSPACE.getByName(workspaceName(workspace));
  return { stub, api: stub as unknown as WorkspaceApi };
}

function unwrap<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(outcome.failure.detail);
  return outcome.value;
}

/**
 * A runtime on the storage of a fresh object, at a time of our own, with the closings that it has asked for.
 * `state.away` makes the holders of sockets unreachable.
 */
async function withRuntime(
  body: (parts: {
    runtime: WorkspaceRuntime;
    state: { now: number; away: boolean; closed: string[] };
    settle: () => Promise<void>;
    storage: DurableObjectStorage;
  }) => Promise<void>,
): Promise<void> {
  const { stub } = objectOf(newWorkspace());
  await runInDurableObject(stub, async (_object, ctx) => {
    const state = { now: 1_700_000_000_000, away: false, closed: [] as string[] };
    const work: Promise<void>[] = [];
    const platform = {
      ...durablePlatform(ctx),
      now: () => state.now,
      background: (p: Promise<void>) => void work.push(p),
    };
    const runtime = new WorkspaceRuntime(platform, async (key) => {
      if (state.away) throw new Error('away');
      state.closed.push(key);
    });
    const settle = async () => {
      while (work.length > 0) await work.shift();
    };
    await body({ runtime, state, settle, storage: ctx.storage });
    await ctx.storage.deleteAlarm();
  });
}

describe('the workspace’s object', () => {
  it('keeps tokens, revocations and used codes when it is evicted', async () => {
    const workspace = newWorkspace();
    const { api, stub } = objectOf(workspace);
    const code = { id: 'code-1', expires_at: Date.now() + 60_000, role: 'viewer' } as const;
    const token = unwrap(await api.createToken(callIn(workspace), REQUEST));
    await evictDurableObject(stub);
    expect(unwrap(await api.listTokens(callIn(workspace)))).toEqual([token]);
    unwrap(await api.revokeToken(callIn(workspace), token.id));
    unwrap(await api.redeemCode(callIn(workspace), code));
    await evictDurableObject(stub);
    expect(await api.revokedTokens(workspace)).toEqual([token.id]);
    expect(await api.redeemCode(callIn(workspace), code)).toMatchObject({ failure: { code: 'unauthorized' } });
  });

  it('writes nothing when it is only asked', async () => {
    const workspace = newWorkspace();
    const { api, stub } = objectOf(workspace);
    await api.revokedTokens(workspace);
    await api.listTokens(callIn(workspace));
    await api.revokeToken(callIn(workspace), 'nothing');
    await api.noteSocket(workspace, 'nothing', PLACE);
    const tables = await runInDurableObject(stub, (_object, ctx) =>
      ctx.storage.sql.exec(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`).toArray(),
    );
    expect(tables).toEqual([]);
  });

  it('refuses calls for another workspace', async () => {
    const { api } = objectOf(newWorkspace());
    await expect(async () => {
      await api.revokedTokens(newWorkspace());
    }).rejects.toThrow('another workspace');
  });

  it('sends the revocation to the objects that hold the token’s sockets', async () => {
    const workspace = newWorkspace();
    const { api, stub } = objectOf(workspace);
    const token = unwrap(await api.createToken(callIn(workspace), REQUEST));
    await api.noteSocket(workspace, token.id, { kind: 'agent_registry', id: workspace });
    unwrap(await api.revokeToken(callIn(workspace), token.id));
    await vi.waitFor(async () => {
      const rows = await runInDurableObject(stub, (_object, ctx) =>
        ctx.storage.sql.exec(`SELECT * FROM outbox`).toArray(),
      );
      expect(rows).toEqual([]);
    });
  });

  it('runs its alarm twice without harm', async () => {
    const workspace = newWorkspace();
    const { api, stub } = objectOf(workspace);
    const token = unwrap(await api.createToken(callIn(workspace), REQUEST));
    await runDurableObjectAlarm(stub);
    await runInDurableObject(stub, (object) => object.alarm());
    expect(unwrap(await api.listTokens(callIn(workspace)))).toEqual([token]);
  });
});

describe('a token’s sockets', () => {
  it('are closed when it is revoked', () =>
    withRuntime(async ({ runtime, state, settle }) => {
      const token = unwrap(runtime.createToken(callIn('w'), REQUEST));
      runtime.noteSocket(token.id, PLACE);
      runtime.noteSocket(token.id, PLACE);
      runtime.revokeToken(token.id);
      await settle();
      expect(state.closed).toEqual([`${token.id}/session/${SESSION_ID}`]);
    }));

  it('are closed when it was revoked while one was being opened', () =>
    withRuntime(async ({ runtime, state, settle }) => {
      const token = unwrap(runtime.createToken(callIn('w'), REQUEST));
      runtime.revokeToken(token.id);
      runtime.noteSocket(token.id, PLACE);
      await settle();
      expect(state.closed).toHaveLength(1);
    }));

  it('are closed when it expires, and the token is forgotten', () =>
    withRuntime(async ({ runtime, state, settle }) => {
      const token = unwrap(runtime.createToken(callIn('w'), REQUEST));
      const longer = unwrap(runtime.createToken(callIn('w'), { ...REQUEST, expires_in_seconds: 600 }));
      runtime.noteSocket(token.id, PLACE);
      runtime.noteSocket(longer.id, PLACE);
      runtime.revokeToken(token.id);
      state.now += 60_000;
      runtime.alarm();
      runtime.alarm();
      await settle();
      expect(state.closed).toEqual([`${token.id}/session/${SESSION_ID}`]);
      expect(unwrap(runtime.listTokens())).toEqual([longer]);
      expect(runtime.revokedTokens()).toEqual([]);
      state.now += 540_000;
      runtime.alarm();
      await settle();
      expect(state.closed).toHaveLength(2);
    }));

  it('are closed once those who hold them can be reached again', () =>
    withRuntime(async ({ runtime, state, settle }) => {
      const token = unwrap(runtime.createToken(callIn('w'), REQUEST));
      runtime.noteSocket(token.id, PLACE);
      state.away = true;
      runtime.revokeToken(token.id);
      await settle();
      expect(state.closed).toEqual([]);
      state.away = false;
      state.now += 10_000;
      runtime.alarm();
      await settle();
      expect(state.closed).toHaveLength(1);
    }));
});

describe('idempotency keys', () => {
  it('are forgotten after a day', () =>
    withRuntime(async ({ runtime, state }) => {
      const first = unwrap(runtime.createToken(callIn('w', 'k'), REQUEST));
      expect(unwrap(runtime.createToken(callIn('w', 'k'), REQUEST))).toEqual(first);
      state.now += 86_400_000;
      runtime.alarm();
      expect(unwrap(runtime.createToken(callIn('w', 'k'), REQUEST)).id).not.toBe(first.id);
    }));
});

describe('every mutation', () => {
  const mutations: [name: string, mutate: (runtime: WorkspaceRuntime, tokenId: string) => unknown][] = [
    ['createToken', (runtime) => runtime.createToken(callIn('w', 'other'), REQUEST)],
    ['revokeToken', (runtime, id) => runtime.revokeToken(id)],
    ['redeemCode', (runtime) => runtime.redeemCode(callIn('w', 'c'), { id: 'c', expires_at: 1.8e12, role: 'viewer' })],
    ['noteSocket', (runtime, id) => runtime.noteSocket(id, { ...PLACE, kind: 'agent_registry' })],
  ];

  it.each(mutations)('of %s is whole or not at all, whichever statement fails', (_name, mutate) =>
    withRuntime(async ({ storage }) => {
      const { platform, failAt } = failingPlatform(storage);
      for (let failing = 1; ; failing++) {
        for (const table of ['object_schema', ...TABLES]) storage.sql.exec(`DROP TABLE IF EXISTS ${table}`);
        const runtime = new WorkspaceRuntime(platform, async () => {});
        const token = unwrap(runtime.createToken(callIn('w'), REQUEST));
        runtime.noteSocket(token.id, PLACE);
        const before = dump(storage);
        failAt(failing);
        let failed = false;
        try {
          mutate(runtime, token.id);
        } catch (error) {
          expect(String(error)).toContain('injected');
          failed = true;
        }
        failAt(0);
        if (failed) expect(dump(storage)).toEqual(before);
        else {
          // Every statement has failed once: this time none did.
          expect(failing).toBeGreaterThan(2);
          expect(dump(storage)).not.toEqual(before);
          return;
        }
      }
    }),
  );
});

/** A platform on `storage` whose n-th statement from now throws. */
function failingPlatform(storage: DurableObjectStorage) {
  let remaining = 0;
  const platform = {
    exec: (query: string, bindings: (string | number | null)[]) => {
      if (remaining > 0 && --remaining === 0) throw new Error('injected');
      return storage.sql.exec<Record<string, string | number | null>>(query, ...bindings).toArray();
    },
    transaction: <T>(body: () => T) => storage.transactionSync(body),
    setAlarm: () => {
      if (remaining > 0 && --remaining === 0) throw new Error('injected');
    },
    now: () => 1_700_000_000_000,
    random: () => 0.5,
    uuid: () => crypto.randomUUID(),
    background: () => {},
    sockets: () => [],
  };
  const failAt = (statement: number) => {
    remaining = statement;
  };
  return { platform, failAt };
}

function dump(storage: DurableObjectStorage) {
  return TABLES.map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray());
}
