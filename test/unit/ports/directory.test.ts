import { describe } from 'vitest';
import { DirectoryInProcess } from '../../support/directory-in-process.ts';
import { directoryContract } from './directory.contract.ts';

describe.each([{ evictBetweenSteps: false }, { evictBetweenSteps: true }])(
  'the directory in process, evicted between steps: $evictBetweenSteps',
  (options) => {
    directoryContract(async () => {
      const directory = new DirectoryInProcess(options);
      return { api: directory.api, workspace: 'default', now: () => directory.platform.now() };
    });
  },
);
