/** Draws the transition tables: a Mermaid diagram of the open statuses, and a table of the endings. */
import { hasEnded, TRANSITIONS } from '../src/domain/session/session-machine.ts';
import { TASK_TRANSITIONS } from '../src/domain/task-machine.ts';
import { isFinal } from '../src/domain/task-status.ts';

/** The status to which each trigger leads from each status. */
type Table<Status extends string> = Readonly<Record<Status, Partial<Record<string, Status>>>>;

interface Edge<Status> {
  from: Status;
  trigger: string;
  to: Status;
}

function edgesOf<Status extends string>(table: Table<Status>): Edge<Status>[] {
  return (Object.keys(table) as Status[]).flatMap((from) =>
    Object.entries(table[from]).map(([trigger, to]) => ({ from, trigger, to: to as Status })),
  );
}

/** The transitions between statuses that have not ended, as a fenced Mermaid block. */
function openDiagram<Status>(edges: readonly Edge<Status>[], isOver: (status: Status) => boolean): string {
  const triggers = new Map<string, string[]>();
  for (const { from, trigger, to } of edges) {
    if (isOver(from) || isOver(to)) continue;
    const arrow = `${from} --> ${to}`;
    triggers.set(arrow, [...(triggers.get(arrow) ?? []), trigger]);
  }
  const arrows = [...triggers].map(([arrow, names]) => `  ${arrow}: ${names.join(', ')}`);
  return ['```mermaid', 'stateDiagram-v2', '  [*] --> pending', ...arrows, '```'].join('\n');
}

/** The transitions into and out of ended statuses: one row for each trigger and target. */
function endingsTable<Status>(edges: readonly Edge<Status>[], isOver: (status: Status) => boolean): string {
  const sources = new Map<string, Status[]>();
  for (const { from, trigger, to } of edges) {
    if (!isOver(from) && !isOver(to)) continue;
    const target = `\`${trigger}\` | \`${to}\``;
    sources.set(target, [...(sources.get(target) ?? []), from]);
  }
  const rows = [...sources].map(
    ([target, from]) => `| ${from.map((status) => `\`${status}\``).join(', ')} | ${target} |`,
  );
  return ['| from | trigger | to |', '| --- | --- | --- |', ...rows].join('\n');
}

function drawing<Status extends string>(table: Table<Status>, isOver: (status: Status) => boolean): string {
  const edges = edgesOf(table);
  return `${openDiagram(edges, isOver)}\n\n${endingsTable(edges, isOver)}`;
}

/** The section about sessions for docs/architecture.md, in Markdown. */
export function stateDiagram(): string {
  return drawing(TRANSITIONS, hasEnded);
}

/** The section about tasks. */
export function taskDiagram(): string {
  return drawing(TASK_TRANSITIONS, (status) => isFinal({ status }));
}
