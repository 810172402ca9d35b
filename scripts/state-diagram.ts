/** Draws the transition table of sessions: a Mermaid diagram of the open statuses, and a table of the endings. */
import { hasEnded, TRANSITIONS } from '../src/domain/session/session-machine.ts';
import { SessionStatus } from '../src/protocol/common/enums.ts';

interface Edge {
  from: SessionStatus;
  trigger: string;
  to: SessionStatus;
}

const EDGES: readonly Edge[] = SessionStatus().options.flatMap((from) =>
  Object.entries(TRANSITIONS[from]).map(([trigger, to]) => ({ from, trigger, to })),
);

/** The transitions between statuses that have not ended, as a fenced Mermaid block. */
function openDiagram(): string {
  const triggers = new Map<string, string[]>();
  for (const { from, trigger, to } of EDGES) {
    if (hasEnded(from) || hasEnded(to)) continue;
    const arrow = `${from} --> ${to}`;
    triggers.set(arrow, [...(triggers.get(arrow) ?? []), trigger]);
  }
  const arrows = [...triggers].map(([arrow, names]) => `  ${arrow}: ${names.join(', ')}`);
  return ['```mermaid', 'stateDiagram-v2', '  [*] --> pending', ...arrows, '```'].join('\n');
}

/** The transitions into and out of ended statuses: one row for each trigger and target. */
function endingsTable(): string {
  const sources = new Map<string, SessionStatus[]>();
  for (const { from, trigger, to } of EDGES) {
    if (!hasEnded(from) && !hasEnded(to)) continue;
    const target = `\`${trigger}\` | \`${to}\``;
    sources.set(target, [...(sources.get(target) ?? []), from]);
  }
  const rows = [...sources].map(
    ([target, from]) => `| ${from.map((status) => `\`${status}\``).join(', ')} | ${target} |`,
  );
  return ['| from | trigger | to |', '| --- | --- | --- |', ...rows].join('\n');
}

/** The section for docs/architecture.md, in Markdown. */
export function stateDiagram(): string {
  return `${openDiagram()}\n\n${endingsTable()}`;
}
