import type { AgentRegistryApi } from '../../src/ports/agent-registry.ts';
import type { DirectoryApi, DirectoryEntry } from '../../src/ports/directory.ts';
import type { RunHistory, SessionRun } from '../../src/ports/run-history.ts';
import type { Destination } from '../kit/outbox.ts';
import { DESTINATION } from './config.ts';
import type { SlotMessage } from './reservations.ts';

/** The other homes that a session writes to. */
export interface SessionPorts {
  registry: AgentRegistryApi;
  directory: DirectoryApi;
  /** Null where no database is configured: then no row waits for one. */
  history: RunHistory | null;
}

/** How each of them is written to. @param onReservationEnded the registry calls a reservation over that is still wanted */
export function sessionDestinations(
  { registry, directory, history }: SessionPorts,
  onReservationEnded: (task: number, epoch: number) => void,
): Destination[] {
  const destinations: Destination[] = [
    {
      name: DESTINATION.registry,
      async deliver(_key, payload) {
        const message = payload as SlotMessage;
        if (message.op !== 'reserve') return registry[message.op](message.task_id, message.epoch);
        const slot = await registry.reserve(message.request);
        // An agent accepted it a minute ago and has not presented it here: that agent will not come.
        if (slot.state === 'ended' || (slot.state === 'accepted' && message.again))
          onReservationEnded(message.task, message.request.epoch);
      },
    },
    {
      name: DESTINATION.directory,
      async deliver(_key, payload) {
        const change = payload as { put: DirectoryEntry } | { remove: { id: string; rev: number } };
        if ('put' in change) await directory.put(change.put);
        else await directory.remove(change.remove.id, change.remove.rev);
      },
    },
  ];
  if (history) {
    destinations.push({
      name: DESTINATION.history,
      deliver: (_key, payload, signal) => history.record(payload as SessionRun, signal),
    });
  }
  return destinations;
}
