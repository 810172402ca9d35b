import type { Dependency } from '../application/readiness.ts';
import type { TokenSigner } from '../application/token-signer.ts';
import type { AgentRegistries } from '../ports/agent-registry.ts';
import type { ContextArchive } from '../ports/context-archive.ts';
import type { ContextCopies } from '../ports/context-copies.ts';
import type { Contexts } from '../ports/contexts.ts';
import type { Directories } from '../ports/directory.ts';
import type { Effects } from '../ports/effects.ts';
import type { LockTurns } from '../ports/locks.ts';
import type { Logger } from '../ports/logger.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { Sockets } from '../ports/sockets.ts';
import type { OfferTurns } from '../ports/work-claims.ts';
import type { Workspaces } from '../ports/workspace.ts';

/** The dependencies of the HTTP layer. `src/composition.ts` builds them. */
export interface Dependencies {
  sessions: Sessions;
  contexts: Contexts;
  /** Contexts in Postgres; null if the deployment has none. */
  contextArchive: ContextArchive | null;
  /** Copies of contexts in Redis; null if the deployment has none. */
  contextCopies: ContextCopies | null;
  directories: Directories;
  agentRegistries: AgentRegistries;
  workspaces: Workspaces;
  sockets: Sockets;
  lockTurns: LockTurns;
  offerTurns: OfferTurns;
  readiness: readonly Dependency[];
  signer: TokenSigner;
  /** The admin token of the workspace `default`, if the deployment has one. */
  staticToken: string | null;
  corsOrigins: readonly string[];
  /** The dashboard's files. */
  assets(request: Request): Promise<Response>;
  effects: Effects;
  logger: Logger;
}
