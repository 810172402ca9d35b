import { useMutation } from '@tanstack/react-query';
import { clsx } from 'clsx';
import { hasEnded, isWorking } from '../../../../src/domain/session/session-machine.ts';
import type { SessionState, TaskState } from '../../../../src/domain/session/session-state.ts';
import { spellCost } from '../../../../src/domain/session/usage.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { CheckpointView } from '../../../../src/protocol/session/checkpoint.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import type { TaskView } from '../../../../src/protocol/session/task.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { bytes, clockTime, count, duration, fullTime, percent, usd } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/notice.tsx';
import { Facts, Panel } from '../../ui/panel.tsx';
import { AnsweredApprovals } from './answered-approvals.tsx';
import { ChecksPanel } from './checks-panel.tsx';
import { DeleteSession } from './delete-session.tsx';
import { DeliveryPanel } from './delivery-panel.tsx';
import { Ratings } from './rating.tsx';

/** Facts about the session: agent, todo list, approvals, checkpoints, usage. */
export function SidePanels({ session, state }: { session: SessionView; state: SessionState }) {
  const mayDelete = useMay('operate');
  return (
    <aside aria-label="About the session" className="min-w-0 space-y-5">
      <Panel title="Session">
        <Facts items={factsOf(session, state)} />
      </Panel>
      <ChecksPanel transcript={state.transcript} />
      <DeliveryPanel session={session} />
      <Todos tasks={state.tasks} />
      {hasEnded(state.status) && <Ratings sessionId={session.id} tasks={session.tasks ?? []} />}
      <AnsweredApprovals approvals={state.approvals} />
      <Checkpoints sessionId={session.id} state={state} />
      <Panel title="Usage">
        <Facts items={usageOf(state)} />
      </Panel>
      {mayDelete && <DeleteSession session={session} />}
    </aside>
  );
}

function factsOf(session: SessionView, state: SessionState): (readonly [string, string])[] {
  const tags = session.tags.map((tag) => `#${visible(tag)}`).join(' ');
  const tasks = session.tasks ?? [];
  return [
    ['Type', `${session.session_type}, ${session.priority} priority`],
    ...(tags === '' ? [] : [['Tags', tags] as const]),
    agentsOf(tasks, state),
    ['Model', visible(namesIn(state, ({ model }) => model) || session.agent_config.model || 'The agent’s default')],
    // Each task of several has its own.
    ...(tasks.length === 1 ? [['Attempt', `${tasks[0]!.attempt} of ${session.max_attempts}`] as const] : []),
    ['Health', percent(session.health_score)],
    ['Worked', `${duration(session.active_seconds)} of ${duration(session.max_duration_seconds)}`],
    ['Created', fullTime(session.created_at)],
    ...(session.ended_at ? [['Ended', fullTime(session.ended_at)] as const] : []),
  ];
}

const MAX_NAMED_AGENTS = 6;

/** The agents that work on tasks or have worked on them. */
function agentsOf(tasks: readonly TaskView[], state: SessionState): readonly [string, string] {
  const working = namesIn(state, ({ agent }) => agent?.name);
  if (tasks.length === 1 && working !== '') return ['Agent', working];
  const names = [...new Set(tasks.map(({ agent_name, last_assignment }) => agent_name ?? last_assignment?.agent_name))]
    .filter((name) => name !== undefined)
    .map(visible);
  if (names.length === 0) return ['Agent', 'None yet'];
  const more = names.length - MAX_NAMED_AGENTS;
  const named = names.slice(0, MAX_NAMED_AGENTS).join(', ') + (more > 0 ? ` and ${more} more` : '');
  if (names.length > 1) return ['Agents', named];
  return [hasEnded(state.status) ? 'Last agent' : 'Agent', named];
}

/** The distinct names that the tasks have, separated by commas. */
function namesIn({ tasks }: SessionState, nameOf: (task: TaskState) => string | null | undefined): string {
  return visible([...new Set(Object.values(tasks).flatMap((task) => nameOf(task) ?? []))].join(', '));
}

function usageOf({ usage }: SessionState): (readonly [string, string])[] {
  return [
    ['Cost', spellCost(usage, usd)],
    ['Model turns', count(usage.turns)],
    ['Input', count(usage.input_tokens)],
    ['Output', count(usage.output_tokens)],
    ['Reasoning', count(usage.reasoning_tokens)],
    ['Cache read', count(usage.cache_read_tokens)],
    ['Cache write', count(usage.cache_write_tokens)],
  ];
}

const TODO_MARKS: Record<string, string> = { completed: '■', in_progress: '◧', cancelled: '×' };

function Todos({ tasks }: { tasks: SessionState['tasks'] }) {
  const several = Object.keys(tasks).length > 1;
  return Object.entries(tasks).map(
    ([number, { todo }]) =>
      todo.length > 0 && <Todo key={number} title={several ? `To do, task ${number}` : 'To do'} items={todo} />,
  );
}

function Todo({ title, items }: { title: string; items: TaskState['todo'] }) {
  return (
    <Panel title={title}>
      <ul className="space-y-1 p-3 text-sm">
        {items.map((item) => (
          <li key={item.content} className="flex gap-2">
            <span aria-hidden="true">{TODO_MARKS[item.status] ?? '□'}</span>
            <span className={clsx('min-w-0 break-words', item.status === 'completed' && 'text-mute line-through')}>
              {visible(item.content)}
              <span className="sr-only">, {item.status.replace('_', ' ')}</span>
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Checkpoints({ sessionId, state }: { sessionId: string; state: SessionState }) {
  const client = useClient();
  const request = useMutation({ mutationFn: () => client.sessions.requestCheckpoint(sessionId) });
  const may = useMay('operate');
  const working = isWorking(state.status);
  return (
    <Panel
      title="Checkpoints"
      aside={
        working &&
        may && (
          <Button className="min-h-7! px-2! py-0!" busy={request.isPending} onClick={() => request.mutate()}>
            Take one
          </Button>
        )
      }
    >
      {request.isError && (
        <div className="p-3">
          <ErrorNotice error={request.error} />
        </div>
      )}
      {state.checkpoints.length === 0 && <Empty title="None yet" />}
      <ul className="max-h-72 divide-y-2 divide-faint overflow-y-auto">
        {state.checkpoints.toReversed().map((checkpoint) => (
          <Checkpoint key={checkpoint.number} checkpoint={checkpoint} />
        ))}
      </ul>
    </Panel>
  );
}

function Checkpoint({ checkpoint }: { checkpoint: CheckpointView }) {
  return (
    <li className="px-3 py-2 font-mono text-xs">
      <p className="flex justify-between gap-2">
        <span className="text-sm font-bold">#{checkpoint.number}</span>
        <time dateTime={checkpoint.created_at}>{clockTime(checkpoint.created_at)}</time>
      </p>
      <p className="text-mute">
        turn {checkpoint.turn}, patch {checkpoint.local_only ? 'on the agent’s machine' : bytes(checkpoint.patch_bytes)}
        {checkpoint.requested && ', requested'}
      </p>
    </li>
  );
}
