import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe } from 'vitest';
import type { SessionApi } from '../../src/ports/sessions.ts';
import { sessionsContract } from '../unit/ports/sessions.contract.ts';
import { sessionObject } from './support/session-in-workerd.ts';

describe('a session in workerd', () => {
  sessionsContract(async () => sessionObject());
});

describe('a session in workerd, evicted before each call', () => {
  sessionsContract(async () => {
    const { stub, api, workspace, id } = sessionObject();
    const sleepy = new Proxy(api, {
      get:
        (target, name: keyof SessionApi) =>
        async (...args: unknown[]) => {
          await runInDurableObject(stub, () => {});
          await evictDurableObject(stub);
          return (target[name] as (...args: unknown[]) => unknown)(...args);
        },
    });
    return { api: sleepy, workspace, id };
  });
});
