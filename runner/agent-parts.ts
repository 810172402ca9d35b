import type { GivenCeilings } from '../src/domain/session/ceilings.ts';
import type { AgentType, Capability } from '../src/protocol/common/enums.ts';
import type { Repository } from './git/repository.ts';
import type { Identity } from './identity.ts';
import type { OpenConnection } from './lease/connection.ts';
import type { ToolServer } from './mcp/tool-server.ts';
import type { OpenCodeClient } from './opencode/client.ts';
import type { ConfigurationSource } from './opencode/configuration.ts';
import type { OpenCodeServer } from './opencode/server.ts';
import type { Redact } from './redaction.ts';
import type { SetupChoice } from './setup/recipe.ts';
import type { Setup } from './setup/setup.ts';

/** What a user gives an agent. */
export interface AgentOptions {
  /** The control plane, such as `http://127.0.0.1:8787`. */
  url: string;
  token: string;
  /** A directory in the clone to work in. */
  directory: string;
  dataDirectory: string;
  /** The most leases at a time. */
  capacity: number;
  /** `AGENT-…` */
  name: string;
  source: ConfigurationSource;
  /** The environment of tools; see `toolEnvironment`. */
  tools: Readonly<Record<string, string>>;
  /** The limits that end a run which does not end by itself; see `readCeilings`. */
  ceilings: GivenCeilings;
  /** Where the set-up of worktrees comes from; from the repository by default. */
  setup?: SetupChoice;
  labels?: string[];
  /** What the agent is best at; nothing by default. */
  technologies?: string[];
  /** Work on one task, and stop. */
  once?: boolean;
  /** Stop after this time without work, in ms. */
  idleExitMs?: number;
  /** `implementer` by default. */
  agentType?: AgentType;
  /** All by default. */
  capabilities?: Capability[];
  /** @param isNotice whether a person must see the line, also where only important lines are shown */
  log: (line: string, isNotice?: boolean) => void;
  /** See `WorkDependencies`. */
  stepCheckpointMs?: number;
}

/** What an agent consists of when it has started. */
export interface AgentParts {
  identity: Identity;
  repository: Repository;
  /** Whether its git merges the work of tasks. */
  canMerge: boolean;
  server: OpenCodeServer;
  opencode: OpenCodeClient;
  model: string;
  redact: Redact;
  setup: Setup;
  /** Serves the model's tools for contexts and claims. */
  tools: ToolServer;
  /** Opens connections to the control plane. */
  openConnection: OpenConnection;
  unlock: () => void;
}
