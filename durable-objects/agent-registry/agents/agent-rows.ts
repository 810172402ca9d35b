import type { Breaker } from '../../../src/domain/fleet/breaker.ts';
import type { AgentHello } from '../../../src/protocol/agent/control-socket.ts';
import type { AgentType, PerformanceTier } from '../../../src/protocol/common/enums.ts';
import { sha256 } from '../../kit/crypto/sha256.ts';
import type { SqlValue } from '../../kit/platform/platform.ts';
import type { Owner, StoredOwner } from './owner.ts';

/** The columns of what an agent says of itself, or a person says of it. */
export const ENROLLED = [
  'name',
  'agent_type',
  'capacity',
  'capabilities',
  'labels',
  'preferred_technologies',
  'cost_per_token_usd',
  'repository',
  'remotes',
  'model',
  'version',
] as const;
type AlwaysSaid = 'name' | 'capacity' | 'capabilities' | 'labels' | 'repository' | 'remotes' | 'model' | 'version';
export interface Enrolment extends Pick<AgentHello, AlwaysSaid> {
  agent_type: AgentType;
  preferred_technologies: string[];
  cost_per_token_usd: number | null;
}

/** An agent that gets no new work. */
export interface Drain {
  /** When the leases that it still has are taken from it (ms since the epoch). */
  until: number;
  /** Whether it is removed when it has none. */
  leaves: boolean;
  reason: string | null;
}

/** A stored agent. Times are in ms since the epoch. Its version is empty if the agent has not said it. */
export interface Agent extends Enrolment {
  id: string;
  slots_used: number;
  tier: PerformanceTier;
  /** The median duration of its recent results; null without one. */
  duration_ms: number | null;
  /** Null while it is closed. */
  breaker: Breaker | null;
  drain: Drain | null;
  /** Not updated while the agent is connected. 0 before it was heard. */
  last_seen_at: number;
  /** When it was last heard without a socket, as far as that is stored; null if it never was. */
  polled_at: number | null;
  /** When one of its slots last became free. */
  idle_since: number;
  /** Grows with each change that the history has. 0 if it has none. */
  rev: number;
}

/** Members that are stored as JSON. */
const AS_JSON = ['capabilities', 'labels', 'preferred_technologies', 'remotes', 'drain', 'breaker'] as const;
export type AgentRow = Omit<Agent, (typeof AS_JSON)[number]> &
  Record<(typeof AS_JSON)[number], string | null> &
  StoredOwner & { hello_hash: string | null };

/** The agent in a row, without what shows who owns it. */
export function agentOf(row: AgentRow): Agent {
  const { token_id: _token, own_token_id: _own, secret_hash: _secret, hello_hash: _hello, ...rest } = row;
  const agent: Record<string, unknown> = { ...rest };
  for (const member of AS_JSON) agent[member] = JSON.parse(row[member] ?? 'null');
  return agent as unknown as Agent;
}

export function storedValue(value: Enrolment[keyof Enrolment] | undefined): SqlValue {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? null);
}

export function enrolmentIn({
  agent_type,
  preferred_technologies,
  cost_per_token_usd,
  ...hello
}: AgentHello): Enrolment {
  return {
    ...hello,
    agent_type: agent_type ?? 'implementer',
    preferred_technologies: preferred_technologies ?? [],
    cost_per_token_usd: cost_per_token_usd ?? null,
  };
}

/** A digest of what a hello says, by which a repeated one is recognised. */
export function hashOf(hello: AgentHello): string {
  return sha256(JSON.stringify(ENROLLED.map((column) => hello[column])));
}

/** An agent with its own token keeps the token that registered it. */
export function columnsOf({ acts, token_id, secret_hash }: Owner): Record<string, SqlValue> {
  return acts ? {} : { token_id, secret_hash };
}
