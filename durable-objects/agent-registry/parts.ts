import type { ObjectKit } from '../kit/runtime.ts';
import type { AgentsTable } from './agents/agents-table.ts';
import type { Connections } from './agents/connections.ts';
import type { Membership } from './agents/membership.ts';
import type { Performance } from './agents/performance.ts';
import type { ResultsTable } from './agents/results-table.ts';
import type { TimesTable } from './agents/times-table.ts';
import type { Dispatch } from './slots/dispatch.ts';
import type { SlotKeeper } from './slots/slot-keeper.ts';
import type { SlotsTable } from './slots/slots-table.ts';

/** The parts of a registry. `runtime.ts` builds them. */
export interface RegistryParts {
  kit: ObjectKit;
  agents: AgentsTable;
  slots: SlotsTable;
  connections: Connections;
  /** The agents whose rows, slots or sockets have changed since `dispatch` has read them. */
  changed: Set<string>;
  dispatch: Dispatch;
  keeper: SlotKeeper;
  membership: Membership;
  results: ResultsTable;
  times: TimesTable;
  performance: Performance;
}
