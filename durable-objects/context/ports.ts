import type { ContextArchive } from '../../src/ports/context-archive.ts';

/** The other stores that a context's home uses. */
export interface ContextPorts {
  /** Postgres; null if no database is configured. */
  archive: ContextArchive | null;
}

export const NO_PORTS: ContextPorts = { archive: null };
