import type { AgentHistory, AgentRun } from '../../src/ports/agent-history.ts';
import type { AgentRegistryApi } from '../../src/ports/agent-registry.ts';
import type { DirectoryApi, DirectoryEntry } from '../../src/ports/directory.ts';
import type { RunHistory, SessionRun } from '../../src/ports/run-history.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import { DESTINATION, HISTORY_RETRY_MS_MAX } from './config.ts';
import type { SlotMessage } from './slot-messages.ts';

/** The other stores to which a session writes. */
export interface SessionPorts {
  registry: AgentRegistryApi;
  directory: DirectoryApi;
  /** Null if no database is configured; then no row is written for it. */
  history: SessionHistory | null;
}

/** What a session records in Postgres: its own finished runs, and how agents have worked on it. */
export type SessionHistory = RunHistory & Pick<AgentHistory, 'recordRun'>;

/** An entry for the history. */
export type HistoryRecord = SessionRun | { assignment: AgentRun };

/**
 * The outbox destinations. @param onReservationEnded called when the registry has ended a reservation that is still
 * wanted
 */
export function sessionDestinations(
  { registry, directory, history }: SessionPorts,
  onReservationEnded: (task: number, epoch: number) => void,
): Destination[] {
  const destinations: Destination[] = [
    {
      name: DESTINATION.registry,
      async deliver(_key, payload) {
        const message = payload as SlotMessage;
        if (message.op === 'accept') return registry.accept(message.task_id, message.epoch, message.agent_id);
        if (message.op === 'cancel') return registry.cancel(message.task_id, message.epoch);
        if (message.op === 'release') return registry.release(message.task_id, message.epoch, message.result);
        const slot = await registry.reserve(message.request);
        // An agent accepted the offer at least a minute ago and has not claimed the lease, so it will not claim it.
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
      // A database may be away for days, with a wake of each finished session for every attempt.
      retry_ms_max: HISTORY_RETRY_MS_MAX,
      async deliver(_key, payload, signal) {
        const record = payload as HistoryRecord;
        if ('assignment' in record) await history.recordRun(record.assignment, signal);
        else await history.record(record, signal);
      },
    });
  }
  return destinations;
}
