import type { AgentHistory, AgentRecord } from '../../src/ports/agent-history.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import { HISTORY, HISTORY_ENTRIES_MAX, HISTORY_RETRY_MS_MAX, SESSIONS } from './config.ts';

/** The other stores to which a registry writes. */
export interface RegistryPorts {
  /** Delivers an `Eviction` to its session. */
  evict: Destination['deliver'];
  /** Where agents are recorded; null if no database is configured. */
  history?: Pick<AgentHistory, 'recordAgent'> | null;
}

/** The outbox destinations of a registry. */
export function registryDestinations({ evict, history }: RegistryPorts): Destination[] {
  const destinations: Destination[] = [{ name: SESSIONS, deliver: evict }];
  if (history) {
    destinations.push({
      name: HISTORY,
      retry_ms_max: HISTORY_RETRY_MS_MAX,
      // Agents can come and go without end while the database is away.
      entries_max: HISTORY_ENTRIES_MAX,
      deliver: (_key, payload, signal) => history.recordAgent(payload as AgentRecord, signal),
    });
  }
  return destinations;
}
