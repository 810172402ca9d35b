import type { Probe } from '../../ports/probe.ts';
import type { Workspaces } from '../../ports/workspace.ts';

/** Whether objects can be reached: any call that writes nothing shows it. */
export function objectsProbe(workspaces: Workspaces): Probe {
  return {
    name: 'objects',
    required: true,
    async check() {
      await workspaces.of('default').revokedTokens('default');
    },
  };
}
