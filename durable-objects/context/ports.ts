import type { ContextArchive } from '../../src/ports/context-archive.ts';
import type { ContextCopies } from '../../src/ports/context-copies.ts';
import { refuse } from '../../src/protocol/common/errors.ts';
import type { SessionId } from '../../src/protocol/common/ids.ts';
import type { HeldLease } from './watcher-leases.ts';

/** The other stores that a context's home uses. */
export interface ContextPorts {
  /** Postgres; null if no database is configured. */
  archive: ContextArchive | null;
  /** Redis; null if none is configured. */
  copies: ContextCopies | null;
  /** Asks the session of a lease whether the caller holds it. */
  heldLease: HeldLease;
  /** When a session has ended, in ms since the epoch; null if it has not. */
  sessionEnd(id: SessionId, signal: AbortSignal): Promise<number | null>;
}

export const NO_PORTS: ContextPorts = {
  archive: null,
  copies: null,
  heldLease: async () => refuse('stale_lease', 'There is no such lease.'),
  sessionEnd: async () => null,
};
