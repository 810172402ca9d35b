import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import {
  agentRegistryName,
  directoryName,
  partsOfName,
  sessionName,
  workspaceName,
} from '../../src/adapters/objects/names.ts';
import { remote } from '../../src/adapters/objects/remote.ts';
import { Unavailable } from '../../src/ports/unavailable.ts';
import { eventually } from '../support/eventually.ts';
import { hello } from '../unit/ports/agent-registry.fixture.ts';
import { ask, newWorkspace, SESSION_ID, signToken, TASK_ID, UUID } from './http-support.ts';
import { controlLink, openControl } from './support/registry-in-workerd.ts';

interface Counter {
  next(by: number): Promise<number>;
}

/** A namespace with scripted stubs, which it counts. */
function namespaceOf(next: (by: number) => Promise<number>) {
  const names: string[] = [];
  const getByName = (name: string) => {
    names.push(name);
    return { next, fetch: async () => new Response() };
  };
  return { names, namespace: { getByName } };
}

const failing = (message: string, marks: object) => async () => {
  throw Object.assign(new Error(message), marks);
};

describe('an object behind its port', () => {
  it('is called by its name, with a new stub for each call', async () => {
    const { names, namespace } = namespaceOf(async (by) => by + 1);
    const counter = remote<Counter>(namespace, 'w/a');
    expect([await counter.next(1), await counter.next(2)]).toEqual([2, 3]);
    expect(names).toEqual(['w/a', 'w/a']);
  });

  it('can be returned from an async function', async () => {
    const { namespace } = namespaceOf(async (by) => by);
    const counter = await (async () => remote<Counter>(namespace, 'w/a'))();
    expect(await counter.next(1)).toBe(1);
  });

  it.each([
    ['the connection was lost', {}],
    ['the object is overloaded', { remote: true, overloaded: true }],
    ['the object was reset', { remote: true, retryable: true }],
  ])('is unavailable when %s', async (message, marks) => {
    const counter = remote<Counter>(namespaceOf(failing(message, marks)).namespace, 'w/a');
    await expect(counter.next(1)).rejects.toThrow(Unavailable);
  });

  it('passes on its own errors unchanged', async () => {
    const counter = remote<Counter>(namespaceOf(failing('a bug', { remote: true })).namespace, 'w/a');
    await expect(counter.next(1)).rejects.toThrow('a bug');
  });
});

describe('names of objects', () => {
  it('begin with the workspace and are unique', () => {
    const names = [sessionName('w', SESSION_ID), agentRegistryName('w'), directoryName('w'), workspaceName('w')];
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(partsOfName(name).workspace).toBe('w');
    expect(partsOfName(names[0]!).id).toBe(SESSION_ID);
  });

  it.each(['', 'a/b', '..', 'UPPER', 'x'.repeat(64)])('are not built from the workspace %j', (workspace) => {
    expect(() => sessionName(workspace, SESSION_ID)).toThrow(RangeError);
    expect(() => workspaceName(workspace)).toThrow(RangeError);
  });

  it.each(['', 'agents', TASK_ID, `${SESSION_ID}/x`])('are not built from the session %j', (id) => {
    expect(() => sessionName('w', id)).toThrow(RangeError);
  });

  it.each(['', 'plain', '/x'])('are not parsed from %j', (name) => {
    expect(() => partsOfName(name)).toThrow(RangeError);
  });
});

describe('an agent over HTTP', () => {
  it('is read by its id, and an unknown one is not found', async () => {
    const workspace = newWorkspace();
    const token = await signToken('viewer', workspace);
    const stub = env.AGENT_REGISTRY.getByName(agentRegistryName(workspace));
    const agent = controlLink(await openControl(stub, workspace, UUID));
    agent.send(hello());
    await eventually(() => expect(agent.frames).toMatchObject([{ type: 'welcome' }]));
    const known = await ask(`/api/v1/agents/${UUID}`, { token });
    expect([known.status, await known.json()]).toMatchObject([200, { id: UUID, connected: true }]);
    const unknown = await ask(`/api/v1/agents/${crypto.randomUUID()}`, { token });
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: 'not_found' }]);
    agent.close();
  });
});
