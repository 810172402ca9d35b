import { useQuery } from '@tanstack/react-query';
import { clsx } from 'clsx';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { AgentState, AgentView } from '../../../../src/protocol/agent/agent.ts';
import { useClient } from '../../data/api.tsx';
import { useAwaySince } from '../../data/reachability.ts';
import { ago } from '../../ui/format.ts';
import { Empty, ErrorNotice, Loading } from '../../ui/notice.tsx';
import { Panel } from '../../ui/panel.tsx';
import { useNow } from '../../ui/use-now.ts';

const POLL_MS = 4_000;

/** The registered agents: what each is for, how well it works, whether it gets work, and its slots. */
export function AgentsPanel() {
  const client = useClient();
  const agents = useQuery({
    queryKey: ['agents'],
    queryFn: ({ signal }) => client.agents.list({ signal }),
    refetchInterval: POLL_MS,
  });
  const away = useAwaySince() !== null;
  const connected = agents.data?.filter((agent) => agent.connected).length ?? 0;
  return (
    <Panel title="Agents" aside={agents.data && !away && <span className="caps">{connected} connected</span>}>
      {agents.isPending && <Loading what="agents" />}
      {agents.isError && !away && (
        <div className="p-3">
          <ErrorNotice error={agents.error} />
        </div>
      )}
      {agents.data?.length === 0 && (
        <Empty title="No agents yet">
          Start one with <code className="font-mono">npm run oio -- agent</code>. Until then, sessions wait in the
          queue.
        </Empty>
      )}
      <ul className="divide-y-2 divide-faint">
        {agents.data?.map((agent) => (
          <Agent key={agent.id} agent={agent} away={away} />
        ))}
      </ul>
    </Panel>
  );
}

function Agent({ agent, away }: { agent: AgentView; away: boolean }) {
  const { name, model, agent_type, performance_tier, load_level, max_concurrent_capacity, slots_used } = agent;
  return (
    <li className="space-y-1.5 px-3 py-2.5">
      <p className="flex items-center justify-between gap-2">
        <span title={name} className="min-w-0 truncate font-mono text-sm font-bold">
          {name}
        </span>
        <State agent={agent} away={away} />
      </p>
      <p className="font-mono text-xs break-words text-mute">
        {agent_type} · {performance_tier} · {visible(model ?? 'unknown model')}
      </p>
      <p className="flex items-center gap-2 font-mono text-xs">
        <span aria-hidden="true" className="flex flex-wrap gap-1">
          {Array.from({ length: max_concurrent_capacity }, (_, slot) => (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: a slot has no id, only a position
              key={slot}
              className={clsx('size-3 border-2 border-ink', slot < slots_used && 'bg-ink')}
            />
          ))}
        </span>
        {slots_used} of {max_concurrent_capacity} {max_concurrent_capacity === 1 ? 'slot' : 'slots'} in use ·{' '}
        {load_level}
      </p>
      {agent.state !== 'offline' && agent.unavailable_because !== null && !away && (
        <p className="text-xs text-mute">Gets no work now: {agent.unavailable_because}</p>
      )}
    </li>
  );
}

/** What the agent does now. While the control plane is away, it is only what was known last. */
function State({ agent: { state, last_seen_at }, away }: { agent: AgentView; away: boolean }) {
  const now = useNow();
  const words: Record<AgentState, string> = {
    registered: 'Never seen',
    connected: away ? 'Was connected' : 'Connected',
    offline: last_seen_at === null ? 'Never seen' : `Last seen ${ago(last_seen_at, now)}`,
    draining: 'Draining',
    leaving: 'Leaving',
  };
  return (
    <span className={clsx('caps shrink-0', state === 'connected' && !away ? 'text-go' : 'text-mute')}>
      {words[state]}
    </span>
  );
}
