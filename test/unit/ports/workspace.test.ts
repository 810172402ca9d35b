import { describe } from 'vitest';
import { WorkspaceInProcess } from '../../support/workspace-in-process.ts';
import { workspaceContract } from './workspace.contract.ts';

describe.each([{ evictBetweenSteps: false }, { evictBetweenSteps: true }])(
  'the workspace in process, evicted between steps: $evictBetweenSteps',
  (options) => {
    workspaceContract(async () => {
      const object = new WorkspaceInProcess(options);
      const { api, workspace, platform } = object;
      return { api, workspace, now: () => platform.now(), advance: (ms) => object.advance(ms) };
    });
  },
);
