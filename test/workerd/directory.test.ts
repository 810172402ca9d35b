import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe } from 'vitest';
import { directoryName } from '../../src/adapters/objects/names.ts';
import { directoryContract } from '../unit/ports/directory.contract.ts';

describe.each([{ evictBetweenSteps: false }, { evictBetweenSteps: true }])(
  'the directory in workerd, evicted between steps: $evictBetweenSteps',
  ({ evictBetweenSteps }) => {
    directoryContract(async () => {
      const workspace = `directory-${crypto.randomUUID()}`;
      const stub = env.DIRECTORY.getByName(directoryName(workspace));
      const between = async () => {
        if (evictBetweenSteps) await evictDurableObject(stub);
      };
      return {
        workspace,
        now: () => Date.now(),
        api: {
          put: async (...args) => {
            await stub.put(...args);
            await between();
          },
          remove: async (...args) => {
            await stub.remove(...args);
            await between();
          },
          list: async (...args) => {
            const outcome = await stub.list(...args);
            await between();
            return outcome;
          },
        },
      };
    });
  },
);
