import { DISPATCH } from '../../../durable-objects/agent-registry/config.ts';
import { Dispatcher } from '../../../src/domain/dispatch/dispatcher.ts';
import type { SlotRequest } from '../../../src/ports/agent-registry.ts';
import { fleetAgent } from '../../support/dispatcher-of.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { callFrom } from '../../unit/ports/agent-registry.fixture.ts';
import { inSequence } from '../load.ts';
import { type Summary, summarize } from '../statistics.ts';
import { FleetInProcess, LABELS } from './fleet-in-process.ts';

const FEW = 100;
const MANY = 10_000;
const WARM_UP = 300;
const SAMPLES = 1_000;
const ROUTES = 30;

/** What is measured, and how. */
export const DECISIONS = {
  choose: 'one routing decision: the best agent for a request, in memory',
  pair: 'reserve and release: two transactions, each with its decision',
  busy: 'release and reserve while all agents work: the agent gets the next request, and the new one its place',
  route: '`POST /route` inside the registry: the best agent, the alternatives, and why each other one is rejected',
} as const;
export type DecisionName = keyof typeof DECISIONS;

/** A decision with a number of agents and of waiting requests. */
export interface Decision {
  name: DecisionName;
  agents: number;
  waiting: number;
  measured: Summary;
  /** Rows written and statements run, by one; null if nothing was counted. */
  counts: { rows: number; statements: number } | null;
}

export interface Decisions {
  /** One inserted row in one transaction, in the same process. */
  bare: Summary;
  decisions: Decision[];
}

/** Measures the registry's real code in this process, on SQLite in memory. Only the CPU counts: nothing waits for a disk. */
export function measureDecisions(report: (what: string) => void): Decisions {
  const decisions: Decision[] = [];
  for (const agents of [FEW, MANY]) {
    for (const waiting of [0, MANY]) {
      report(`${agents} agents, ${waiting} waiting`);
      decisions.push(...decisionsWith(agents, waiting));
    }
  }
  return { bare: bareWrite(), decisions };
}

/** An object with one table, which inserts one row in one transaction. */
function bareWrite(): Summary {
  const platform = new NodePlatform();
  platform.transaction(() => platform.exec('CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT)', []));
  const text = 'x'.repeat(500);
  const insert = () => void platform.transaction(() => platform.exec('INSERT INTO notes (text) VALUES (?)', [text]));
  repeat(WARM_UP, insert);
  const measured = sample(SAMPLES, insert);
  platform.close();
  return measured;
}

function decisionsWith(agents: number, waiting: number): Decision[] {
  const fleet = new FleetInProcess(agents, 1);
  const { runtime } = fleet.registry;
  for (let each = 0; each < waiting; each++) runtime.reserve(fleet.hopeless());
  const decision = (name: DecisionName, count: number, act: () => void): Decision => {
    const before = fleet.platform.writes;
    const measured = sample(count, act);
    const after = fleet.platform.writes;
    const each = (member: 'rows' | 'statements') => (after[member] - before[member]) / count;
    return { name, agents, waiting, measured, counts: { rows: each('rows'), statements: each('statements') } };
  };
  const pair = () => {
    const request = fleet.request();
    if (runtime.reserve(request).state !== 'offered') throw new Error('an idle fleet did not take a request');
    runtime.release(request);
  };
  repeat(WARM_UP, pair);
  const idle = [
    { ...decision('choose', SAMPLES, chooser(agents, waiting, fleet)), counts: null },
    decision('pair', SAMPLES, pair),
    { ...decision('route', ROUTES, () => routed(fleet)), counts: null },
  ];
  const held: SlotRequest[] = Array.from({ length: agents }, () => fleet.request());
  for (const request of held) runtime.reserve(request);
  // Half of what waits can be served when an agent has room.
  for (let each = 0; each < waiting / 2; each++) runtime.reserve(fleet.request());
  const busy = decision('busy', Math.min(SAMPLES, agents), () => {
    runtime.release(held.pop()!);
    runtime.reserve(fleet.request());
  });
  fleet.platform.close();
  return [...idle, busy];
}

/** The dispatcher alone: a request comes, the best agent gets it, and is free again. */
function chooser(agents: number, waiting: number, fleet: FleetInProcess): () => void {
  const now = fleet.platform.clock;
  const dispatcher = new Dispatcher(DISPATCH, () => now);
  const standing = { queued_at: now, joined_at: 0, lag: 0, arrival: 0 };
  const put = (request: SlotRequest) => dispatcher.queue.put({ ...request, ...standing, declined: {} }, now);
  for (let each = 0; each < waiting; each++) put(fleet.hopeless());
  for (let each = 0; each < agents; each++) {
    const connection = { instance_id: `${each}`, seen_at: now };
    dispatcher.agents.put(fleetAgent(`${each}`, { labels: LABELS[each % LABELS.length]!, connection }), now);
  }
  dispatcher.match(null, now);
  return () => {
    put(fleet.request());
    const [offer] = dispatcher.match(null, now).offers;
    const agent = dispatcher.agents.get(offer!.agent_id)!;
    dispatcher.agents.put({ ...agent, slots_used: 0 }, now);
  };
}

function routed(fleet: FleetInProcess): void {
  const request = {
    ...{ task_description: 'bench', required_capabilities: ['testing' as const], required_labels: ['os=linux'] },
    ...{ preferred_agent_ids: [], preferred_agent_type: null, preferred_labels: {}, technologies: [] },
    min_performance_tier: null,
  };
  if (!fleet.registry.runtime.fleet.route(callFrom('default'), request).ok) throw new Error('no agent was routed to');
}

function repeat(count: number, act: () => void): void {
  for (let each = 0; each < count; each++) act();
}

function sample(count: number, act: () => void): Summary {
  const latencies = Array.from({ length: count }, () => {
    const at = performance.now();
    act();
    return performance.now() - at;
  });
  return summarize(inSequence(latencies));
}
