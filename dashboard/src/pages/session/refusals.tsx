import { visible } from '../../../../src/domain/visible-text.ts';
import type { SessionView } from '../../../../src/protocol/session/session.ts';
import { Panel } from '../../ui/panel.tsx';

/** The agents that could not take a task that waits, and what each of them lacks. */
export function Refusals({ tasks = [] }: Pick<SessionView, 'tasks'>) {
  const refusals = tasks.flatMap(({ id, refusals = [] }) => refusals.map((refusal) => ({ task: id, ...refusal })));
  if (refusals.length === 0) return null;
  return (
    <Panel title={refusals.length === 1 ? 'An agent cannot take it' : `${refusals.length} agents cannot take it`}>
      <ul className="divide-y-2 divide-faint">
        {refusals.map(({ task, agent_id, agent_name, message }) => (
          <li key={`${task} ${agent_id}`} className="px-3 py-2 text-sm wrap-anywhere">
            <span className="mr-3 font-mono font-bold">{visible(agent_name)}</span>
            {visible(message)}
          </li>
        ))}
      </ul>
      <p className="border-t-2 border-faint px-3 py-2 text-sm text-mute">
        The session waits for another agent, or for one of these to have what it lacks.
      </p>
    </Panel>
  );
}
