import type { Client } from '../../src/client/client.ts';
import { ago } from '../../src/domain/relative-time.ts';
import { visible } from '../../src/domain/visible-text.ts';
import type { AgentPerformance, AgentState, AgentView } from '../../src/protocol/agent/agent.ts';
import { Capability } from '../../src/protocol/common/enums.ts';
import { CliError, defineCommand, exitCode, oio } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { type Column, shownId, table } from '../table.ts';
import { paint, printable, printJson } from '../terminal.ts';
import { rebalance } from './rebalance.ts';
import { connect, connectionDetails, jsonOption, printLines } from './session/common.ts';

/** The commands that manage the agents of a control plane. */

const list = defineCommand({
  summary: 'List the agents of the control plane',
  usage: ['agent list [--json]'],
  details: connectionDetails,
  options: jsonOption,
  async run({ values }) {
    const agents = await connect().agents.list();
    if (values.json) printJson(agents);
    else if (agents.length === 0) printLines(['No agent is registered.']);
    else printLines(table(agents, columns));
    return exitCode.ok;
  },
});

const columns: readonly Column<AgentView>[] = [
  { title: 'name', text: ({ name }) => name },
  {
    title: 'state',
    text: ({ state }) => state,
    color: (text, { state }) => (isUp(state) ? paint('green', text) : text),
  },
  { title: 'slots', text: ({ slots_used, max_concurrent_capacity: all }) => `${slots_used}/${all}`, align: 'right' },
  { title: 'load', text: ({ load_level }) => load_level },
  { title: 'type', text: ({ agent_type }) => agent_type },
  { title: 'tier', text: ({ performance_tier }) => performance_tier },
  { title: 'model', text: ({ model }) => model ?? '' },
  { title: 'labels', text: ({ labels }) => labels.join(' '), isCut: true },
];

function isUp(state: AgentState): boolean {
  return state === 'connected';
}

const show = defineCommand({
  summary: 'Show an agent, what it works on, and why it gets no work',
  usage: ['agent show <name> [--json]'],
  details: connectionDetails,
  arguments: { name: 'required' },
  options: jsonOption,
  async run({ values, args }) {
    const client = connect();
    const agent = await findAgent(client, args.name);
    const performance = await client.agents.performance(agent.id);
    if (values.json) printJson({ ...agent, performance });
    else printLines(linesOf(agent, performance, Date.now()));
    return exitCode.ok;
  },
});

function linesOf(agent: AgentView, performance: AgentPerformance, now: number): string[] {
  const { slots_used, max_concurrent_capacity, load_level, last_seen_at, unavailable_because } = agent;
  const rows: readonly (readonly [string, string])[] = [
    ['id', agent.id],
    ['state', agent.state],
    ['available', unavailable_because === null ? 'yes' : `no: ${unavailable_because}`],
    ['slots', `${slots_used} of ${max_concurrent_capacity} in use (${load_level})`],
    ['type', agent.agent_type],
    ['tier', `${agent.performance_tier}: ${performance.reason}`],
    ['results', resultsLine(performance)],
    ['model', agent.model ?? '-'],
    ['capabilities', spellCapabilities(agent)],
    ['technologies', agent.preferred_technologies.join(' ') || '-'],
    ['labels', agent.labels.join(' ') || '-'],
    ['repository', agent.remotes.join(' ') || (agent.repository ?? '-')],
    ['last seen', last_seen_at === null ? 'never' : ago(last_seen_at, now)],
    ...agent.leases.map((lease) => ['works on', `${shownId(lease.session_id)} (${lease.state})`] as const),
  ];
  const width = Math.max(...rows.map(([title]) => title.length));
  return [agent.name, ...rows.map(([title, text]) => `  ${title.padEnd(width)}  ${visible(text)}`)].map(printable);
}

function resultsLine({ counts, success, duration, quality }: AgentPerformance): string {
  const { completed, partial, failed } = counts;
  if (completed + partial + failed === 0) return '-';
  const range = `${Math.round(success.low * 100)}–${Math.round(success.high * 100)} % likely`;
  const median = duration.p50_ms === null ? '' : `, median ${Math.round(duration.p50_ms / 1_000)} s`;
  const rated = quality === null ? '' : `, quality ${quality.toFixed(2)}`;
  return `${completed} completed, ${partial} partial, ${failed} failed (${range} to succeed)${median}${rated}`;
}

function spellCapabilities({ capabilities }: AgentView): string {
  if (capabilities.length === Capability().options.length) return 'all';
  return capabilities.join(' ') || '-';
}

const reasonOption = {
  reason: { type: 'string', placeholder: 'text', description: 'Why, for others who see the agent' },
} as const;
const timeoutOption = {
  timeout: {
    type: 'string',
    placeholder: 'duration',
    description: 'When the sessions take the leases that it still has, such as 30m (1h)',
  },
} as const;

const drain = defineCommand({
  summary: 'Give an agent no new work; it finishes what it has',
  usage: ['agent drain <name> [--timeout <duration>] [--reason <text>]'],
  details: connectionDetails,
  arguments: { name: 'required' },
  options: { ...timeoutOption, ...reasonOption, ...jsonOption },
  async run({ values, args }) {
    const client = connect();
    const { id } = await findAgent(client, args.name);
    const agent = await client.agents.drain(id, drainOf(values));
    if (values.json) printJson(agent);
    else printLines([printable(`${agent.name} gets no new work. ${remaining(agent)}`)]);
    return exitCode.ok;
  },
});

const resume = defineCommand({
  summary: 'Give a drained agent work again',
  usage: ['agent resume <name>'],
  details: connectionDetails,
  arguments: { name: 'required' },
  options: jsonOption,
  async run({ values, args }) {
    const client = connect();
    const { id } = await findAgent(client, args.name);
    const agent = await client.agents.resume(id);
    if (values.json) printJson(agent);
    else printLines([printable(`${agent.name} gets work again.`)]);
    return exitCode.ok;
  },
});

const remove = defineCommand({
  summary: 'Remove an agent when it has finished its work, and end its token',
  usage: ['agent remove <name> [--force] [--timeout <duration>] [--reason <text>]'],
  details: connectionDetails,
  arguments: { name: 'required' },
  options: {
    force: { type: 'boolean', default: false, description: 'At once: its sessions go on with other agents' },
    ...timeoutOption,
    ...reasonOption,
  },
  async run({ values, args }) {
    const client = connect();
    const agent = await findAgent(client, args.name);
    await client.agents.deregister(agent.id, { ...drainOf(values), force: values.force });
    const isGone = values.force || agent.slots_used === 0;
    printLines([printable(isGone ? `${agent.name} is removed.` : `${agent.name} is leaving. ${remaining(agent)}`)]);
    return exitCode.ok;
  },
});

/** The subcommands of `oio agent` that manage agents. */
export const fleetCommands = { list, show, drain, resume, remove, rebalance };

function drainOf({ timeout, reason }: { timeout?: string | undefined; reason?: string | undefined }) {
  return {
    ...(timeout !== undefined && { timeout_seconds: parseDuration('--timeout', timeout) }),
    ...(reason !== undefined && { reason }),
  };
}

function remaining({ slots_used }: AgentView): string {
  if (slots_used === 0) return 'It is working on nothing.';
  return slots_used === 1 ? 'It finishes one task.' : `It finishes ${slots_used} tasks.`;
}

/** Finds an agent by its name or the first characters of its id. @throws CliError unless exactly one matches */
export async function findAgent(client: Pick<Client, 'agents'>, text: string): Promise<AgentView> {
  const agents = await client.agents.list();
  const name = text.toUpperCase();
  const named = agents.find((agent) => agent.name === name || agent.name === `AGENT-${name}`);
  if (named) return named;
  const found = text.length < 4 ? [] : agents.filter(({ id }) => id.startsWith(text.toLowerCase()));
  const [first, ...others] = found;
  if (first && others.length === 0) return first;
  if (first) throw new CliError(`${found.length} agents have an id that begins with "${text}". Give more characters.`);
  throw new CliError(`There is no agent "${text}". "${oio} agent list" shows the names.`);
}
