import type { AgentHistory, AgentRun } from '../../src/ports/agent-history.ts';
import type { AgentRegistryApi, TimesByCapability } from '../../src/ports/agent-registry.ts';
import type { DirectoryApi, DirectoryEntry } from '../../src/ports/directory.ts';
import type { RunHistory, SessionRun } from '../../src/ports/run-history.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
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

/** What the registry answers to a session. */
interface Answers {
  /** It has ended a reservation that is still wanted. */
  reservationEnded(task: number, epoch: number): void;
  /** For how long the slot of (task, epoch) may pass on, in ms. */
  mayPass(task: number, epoch: number, ms: number): void;
  /** What other sessions have measured of estimates. */
  measured(times: TimesByCapability): void;
}

/** The outbox destinations. */
export function sessionDestinations(
  { registry, directory, history }: SessionPorts,
  { reservationEnded, mayPass, measured }: Answers,
): Destination[] {
  const destinations: Destination[] = [
    {
      name: DESTINATION.registry,
      async deliver(_key, payload) {
        const message = payload as SlotMessage;
        if (message.op === 'accept') return registry.accept(message.task_id, message.epoch, message.agent_id);
        if (message.op === 'cancel') return registry.cancel(message.task_id, message.epoch);
        if (message.op === 'release') return registry.release(message.task_id, message.epoch, message.result);
        if (message.op === 'pass') {
          const { op: _, ...pass } = message;
          const { pass_ms } = await registry.pass(pass);
          return mayPass(taskNumber(pass.request.task_id), pass.request.epoch, pass_ms);
        }
        const slot = await registry.reserve(message.request);
        if ('pass_ms' in slot) mayPass(message.task, message.request.epoch, slot.pass_ms ?? 0);
        if (slot.times) measured(slot.times);
        // An agent accepted the offer at least a minute ago and has not claimed the lease, so it will not claim it.
        if (slot.state === 'ended' || (slot.state === 'accepted' && message.again))
          reservationEnded(message.task, message.request.epoch);
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
