import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { workspaceName } from '../../src/adapters/objects/names.ts';
import { objectWorkspaces } from '../../src/adapters/objects/stubs.ts';
import type { WorkspaceApi } from '../../src/ports/workspace.ts';
import { callIn, PLACE, type WorkspaceUnderTest, workspaceContract } from '../unit/ports/workspace.contract.ts';
import { newWorkspace } from './http-support.ts';

function objectOf(workspace: string) {
  const stub = env.WORKSPACE.getByName(workspaceName(workspace));
  return { stub, api: objectWorkspaces(env.WORKSPACE).of(workspace) };
}

/** The workspace as a real object. @param evictBetweenSteps evicts it before each call */
async function workspaceInWorkerd(evictBetweenSteps: boolean): Promise<WorkspaceUnderTest> {
  const workspace = newWorkspace();
  const { stub, api } = objectOf(workspace);
  const ready = async () => {
    if (!evictBetweenSteps) return;
    await runInDurableObject(stub, () => {});
    await evictDurableObject(stub);
  };
  const sleepy = new Proxy(api, {
    get:
      (target, name: keyof WorkspaceApi) =>
      async (...args: unknown[]) => {
        await ready();
        return (target[name] as (...args: unknown[]) => unknown)(...args);
      },
  });
  const advance = async (ms: number) => {
    await ready();
    vi.setSystemTime(Date.now() + ms);
    await runDurableObjectAlarm(stub);
  };
  return { api: sleepy, workspace, now: () => Date.now(), advance };
}

describe('in workerd', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  describe.each([false, true])('the workspace’s object, evicted between steps: %s', (evictBetweenSteps) => {
    workspaceContract(() => workspaceInWorkerd(evictBetweenSteps));
  });
});

describe('the workspace’s object', () => {
  it('writes nothing for a read', async () => {
    const workspace = newWorkspace();
    const { api, stub } = objectOf(workspace);
    await api.revokedTokens();
    await api.listTokens(callIn(workspace));
    await api.revokeToken(callIn(workspace), 'nothing');
    await api.recordSocket('nothing', 's', PLACE);
    await api.forgetSocket('nothing', 's');
    const tables = await runInDurableObject(stub, (_object, ctx) =>
      ctx.storage.sql.exec(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`).toArray(),
    );
    expect(tables).toEqual([]);
  });

  it('answers a call from another workspace as if nothing existed', async () => {
    const { api } = objectOf(newWorkspace());
    expect(await api.listTokens(callIn(newWorkspace()))).toMatchObject({ ok: false, failure: { code: 'not_found' } });
  });
});
