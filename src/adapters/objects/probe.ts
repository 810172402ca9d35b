import type { Probe } from '../../ports/probe.ts';
import type { Workspaces } from '../../ports/workspace.ts';

/** Checks that objects can be reached. The call writes nothing. */
export function objectsProbe(workspaces: Workspaces): Probe {
  return {
    name: 'objects',
    required: true,
    async check() {
      await workspaces.of('default').revokedTokens();
    },
  };
}
