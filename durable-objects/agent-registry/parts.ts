import type { ObjectKit } from '../kit/runtime.ts';
import type { AgentsTable } from './agents/agents-table.ts';
import type { Connections } from './agents/connections.ts';
import type { Membership } from './agents/membership.ts';
import type { Performance } from './agents/performance.ts';
import type { ResultsTable } from './agents/results-table.ts';
import type { SlotKeeper } from './slots/slot-keeper.ts';
import type { SlotsTable } from './slots/slots-table.ts';

/** The parts of a registry. `runtime.ts` builds them. */
export interface RegistryParts {
  kit: ObjectKit;
  agents: AgentsTable;
  slots: SlotsTable;
  connections: Connections;
  keeper: SlotKeeper;
  membership: Membership;
  results: ResultsTable;
  performance: Performance;
}
